/// The page's look: one column on a phone, two on a screen, dark or light as the reader's system has it.
enum PageStyle {
    static let css = #"""
        :root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #17202b; --faint: #64707d;
          --line: #d5dbe2; --good: #1a7f4b; --soft: #e3f4ea; --warn: #a15c00; --warnsoft: #fdf0d9; --bad: #c0262d;
          --badsoft: #fde8e8; --power: #d97706; --cool: #0284c7; --idle: #98a2ae; --accent: #2356c5; }
        :root[data-theme=dark] { --paper: #10151c; --card: #19212b; --ink: #e7ecf2; --faint: #97a3b0;
          --line: #2d3845; --good: #4cc38a; --soft: #15352a; --warn: #f0b44c; --warnsoft: #3a2c12; --bad: #ff7b80;
          --badsoft: #421d20; --power: #f59e0b; --cool: #38bdf8; --idle: #5a6673; --accent: #7aa7ff; }
        * { box-sizing: border-box; }
        body { margin: 0; background: var(--paper); color: var(--ink);
          font: 15px/1.45 system-ui, "Noto Sans KR", "Noto Sans CJK KR", sans-serif; }
        header { display: flex; flex-wrap: wrap; gap: .5rem .75rem; align-items: center; padding: .7rem 1rem;
          background: var(--card); border-bottom: 1px solid var(--line); position: sticky; top: 0; z-index: 2; }
        h1 { font-size: 1.1rem; margin: 0 .5rem 0 0; }
        h2 { font-size: .85rem; margin: 0 0 .5rem; color: var(--faint); text-transform: uppercase;
          letter-spacing: .05em; }
        .pill { border-radius: 999px; padding: .15rem .7rem; font-weight: 600; background: var(--soft);
          color: var(--good); white-space: nowrap; }
        .pill.warn { background: var(--warnsoft); color: var(--warn); }
        .pill.bad { background: var(--badsoft); color: var(--bad); }
        .pill.idle { background: var(--line); color: var(--faint); }
        .tools { margin-left: auto; display: flex; gap: .5rem; align-items: center; white-space: nowrap; }
        .reason { color: var(--faint); font-size: .9rem; flex: 1 1 14rem; }
        button { font: inherit; border: 1px solid var(--line); background: var(--card); color: var(--ink);
          border-radius: .5rem; padding: .2rem .7rem; cursor: pointer; min-height: 2.2rem; }
        button:hover { border-color: var(--accent); }
        main { display: grid; gap: 1rem; padding: 1rem; max-width: 1500px; margin: 0 auto;
          grid-template-columns: minmax(0, 2fr) minmax(19rem, 1fr); }
        section { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .9rem; }
        #mimic { grid-column: 1; }
        #side { display: flex; flex-direction: column; gap: 1rem; grid-column: 2; grid-row: 1 / span 3; }
        #mimic svg { width: 100%; height: auto; display: block; }
        .box { fill: var(--paper); stroke: var(--line); stroke-width: 1.2; }
        .stripe { fill: var(--good); } .stripe.warn { fill: var(--warn); } .stripe.bad { fill: var(--bad); }
        .stripe.idle { fill: var(--idle); }
        text { fill: var(--ink); font-size: 13px; } text.small { fill: var(--faint); font-size: 11px; }
        text.big { font-size: 15px; font-weight: 600; }
        text.mid { font-size: 12px; font-weight: 600; } text.tiny { font-size: 10px; font-weight: 600; }
        text.row { fill: var(--faint); font-size: 12px; font-weight: 600; }
        .wire { fill: none; stroke: var(--power); stroke-width: 2.6; stroke-dasharray: 7 5; }
        .wire.cool { stroke: var(--cool); } .wire.warm { stroke: var(--bad); }
        .wire.idle { stroke: var(--line); stroke-dasharray: none; }
        .wall { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
        .sign { fill: none; stroke: var(--good); stroke-width: 1.6; stroke-linejoin: round; }
        .sign.bad { stroke: var(--bad); fill: var(--badsoft); } .sign.idle { stroke: var(--idle); }
        .floor { stroke: var(--line); vector-effect: non-scaling-stroke; }
        @media (prefers-reduced-motion: no-preference) {
          .wire:not(.idle) { animation: flow 1.2s linear infinite; } }
        @keyframes flow { to { stroke-dashoffset: -24; } }
        footer { padding: 0 1rem 1rem; max-width: 1500px; margin: 0 auto; overflow-wrap: anywhere; }
        ul { list-style: none; margin: 0; padding: 0; }
        #alarms li { border-left: 4px solid var(--warn); padding: .35rem .6rem; margin-bottom: .5rem;
          background: var(--warnsoft); border-radius: .3rem; }
        #alarms li.critical, #alarms li.major { border-color: var(--bad); background: var(--badsoft); }
        #alarms li.cleared { border-color: var(--idle); background: var(--paper); }
        #alarms li.below { margin-left: 1.2rem; }
        .meta { color: var(--faint); font-size: .82rem; } time { white-space: nowrap; }
        #alarms button { float: right; }
        #events { max-height: 26rem; overflow: auto; }
        #events li { padding: .3rem 0; border-bottom: 1px solid var(--line); }
        #events b { color: var(--faint); } #events .warning b { color: var(--warn); }
        #events .major b, #events .critical b { color: var(--bad); }
        #trends { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .8rem; }
        figure { margin: 0; } figure svg { width: 100%; height: 3.2rem; display: block; }
        figcaption { display: flex; justify-content: space-between; gap: .5rem; font-size: .85rem; }
        figcaption b { white-space: nowrap; }
        figcaption span { color: var(--faint); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .curve { fill: none; stroke: var(--accent); stroke-width: 1.6; vector-effect: non-scaling-stroke; }
        input { font: inherit; width: 100%; padding: .35rem .6rem; border: 1px solid var(--line);
          border-radius: .5rem; background: var(--paper); color: var(--ink); }
        .scroll { overflow-x: auto; max-height: 30rem; overflow-y: auto; margin-top: .5rem; }
        table { border-collapse: collapse; width: 100%; font-size: .88rem; }
        th { text-align: left; color: var(--faint); font-weight: 600; position: sticky; top: 0;
          background: var(--card); }
        td:first-child { overflow-wrap: anywhere; }
        td, th { padding: .22rem .5rem .22rem 0; border-bottom: 1px solid var(--line); }
        th.value, td.value { text-align: right; font-variant-numeric: tabular-nums; padding-right: 1rem;
          white-space: nowrap; }
        .q-good { color: var(--good); } .q-stale { color: var(--warn); } .q-other { color: var(--bad); }
        #message { position: fixed; bottom: 1rem; left: 50%; transform: translateX(-50%); max-width: 92vw;
          background: var(--ink); color: var(--paper); border-radius: .5rem; padding: .5rem 1rem; }
        #message[hidden] { display: none; }
        @media (max-width: 1100px) {
          main { grid-template-columns: minmax(0, 1fr); padding: .6rem; gap: .6rem; }
          #side { grid-column: 1; grid-row: auto; }
          header { position: static; } }
        @media (max-width: 700px) { .reason { flex-basis: 100%; }
          #side { display: contents; } #side section:first-child { order: -1; } }
        """#
}
