extension Catalogue {
    /// What each command does (--help).
    static let koreanCommands = #"""
        The site plane: buses, sensors, decisions, status (started by systemd)
        --
        사이트 플레인: 버스, 센서, 판단, 상태 (systemd가 시작)
        ==
        Reads the site file, starts every room and stays. SIGHUP reads the site file again (a broken
        one is refused and the old one kept), SIGTERM stops within two seconds. Exit 78 when the site
        file cannot be used at start.
        --
        사이트 파일을 읽고 모든 방을 시작한 뒤 계속 돕니다. SIGHUP은 사이트 파일을 다시 읽습니다 (잘못된
        파일은 거절하고 옛 것을 지킵니다). SIGTERM은 2초 안에 멈춥니다. 시작할 때 사이트 파일을 쓸 수 없으면
        종료 코드 78입니다.
        ==
        The inference plane: buffer pool, lanes, Open Inference Protocol (started by systemd)
        --
        추론 플레인: 버퍼 풀, 레인, Open Inference Protocol (systemd가 시작)
        ==
        Serves the models of the site file's `inference` section, obeying the posture page that the
        site plane writes. Without a fresh page it behaves as the section's safe posture says.
        --
        사이트 파일의 `inference` 절에 있는 모델을 서비스하며, 사이트 플레인이 쓰는 태세 페이지를 따릅니다.
        새 페이지가 없으면 그 절의 안전 태세대로 움직입니다.
        ==
        The container at a glance: posture, alarms, devices
        --
        컨테이너 한눈에: 태세, 경보, 장비
        ==
        Says what the container allows its inference and why, which alarms stand, and which device does
        not answer. The exit code says the same to scripts: 0 all is well, 1 degraded, 2 fault.
        --
        컨테이너가 추론에 무엇을 허락하는지와 그 이유, 발생한 경보, 응답하지 않는 장비를 보여 줍니다.
        종료 코드도 같은 뜻입니다: 0 정상, 1 저하, 2 고장.
        ==
        Every measured value, with its unit, quality and age
        --
        모든 측정값과 단위, 품질, 경과 시간
        ==
        PATTERN matches whole names; * stands for any letters: mdc-agent points 'ups1.*'.
        In a pipe each point is one line of tab-separated fields: name, value, unit, quality, age.
        --
        PATTERN은 이름 전체와 맞춥니다. *는 아무 글자나 뜻합니다: mdc-agent points 'ups1.*'.
        파이프에서는 한 줄에 포인트 하나, 탭으로 나눈 이름, 값, 단위, 품질, 경과입니다.
        ==
        Site file, profiles, permissions, devices: what is wrong, where, what to do
        --
        사이트 파일, 프로필, 권한, 장비: 무엇이 어디서 틀렸고 어떻게 할지
        ==
        Reads the site file with its drop-ins against the hardware library and looks at the devices it
        names. Every fault is printed with file:line:column in one run. Exit 78 when the agent would
        refuse the configuration, 1 when it would start but something needs a hand.
        --
        사이트 파일과 덧붙임 파일을 하드웨어 라이브러리와 맞춰 읽고, 거기 적힌 장비를 살핍니다.
        모든 잘못을 한 번에 파일:줄:칸으로 보여 줍니다. 에이전트가 설정을 거절할 것이면 종료 코드 78,
        시작은 하지만 손볼 것이 있으면 1입니다.
        ==
        Check every profile of the hardware library
        --
        하드웨어 라이브러리의 모든 프로필 검사
        ==
        The same reader as the agent's: what it accepts here it accepts at start.
        --
        에이전트와 같은 해석기를 씁니다: 여기서 통과하면 시작할 때도 통과합니다.
        ==
        The machines, cards and wirings the agent knows
        --
        에이전트가 아는 장비, 카드, 배선
        ==
        One profile, as its file says it
        --
        프로필 하나를 파일 그대로
        ==
        Which release this is
        --
        어떤 판인지
        ==
        Every GPIO line: its name, who holds it, which zone it is
        --
        모든 GPIO 선: 이름, 쓰는 프로그램, 구역
        ==
        Reads the chips themselves; works beside a running agent. A line's zone is shown where the site
        file can be read. Lines that the site file names and no chip has are findings (exit 1). Where the
        lines are the make-believe container's, those that the site file names are shown.
        --
        칩을 직접 읽으며, 도는 에이전트 옆에서도 됩니다. 사이트 파일을 읽을 수 있으면 선의 구역도 보여 줍니다.
        사이트 파일에 있지만 어느 칩에도 없는 선은 발견 사항입니다 (종료 코드 1). 모의 컨테이너의 선이면 사이트
        파일에 있는 선을 보여 줍니다.
        ==
        Edges as they come, with the kernel's time
        --
        신호 변화를 오는 대로, 커널 시각과 함께
        ==
        Lines named here, or without a running agent those of the site file or every free input, are taken
        hold of: each edge is shown with its CLOCK_MONOTONIC stamp. What a running agent holds it alone
        reads: without LINE each change of its zones is shown, with the line's level and the same stamp.
        Ends after --count or --for, or by Ctrl-C. Exit 1: edges were lost or a line could not be read.
        --
        여기서 지정한 선, 또는 에이전트가 없으면 사이트 파일의 선이나 빈 입력 전부를 잡고 변화마다 CLOCK_MONOTONIC
        시각을 찍습니다. 도는 에이전트가 잡은 선은 에이전트만 읽습니다: LINE이 없으면 구역의 변화를 선의 레벨과
        같은 시각으로 보여 줍니다. --count나 --for 뒤에, 또는 Ctrl-C로 끝납니다. 종료 코드 1: 변화를 잃었거나
        읽지 못한 선이 있습니다.
        ==
        Walk test: ticks off each sensor as you set it off
        --
        워크 테스트: 건드린 센서를 하나씩 확인
        ==
        Open each door, step into each sensor's view, wet each leak tape. With a running agent its alarms
        are held back meanwhile (30 min at most; it must be disarmed). Ends when every zone was seen,
        after --for, or by Ctrl-C. Exit 1 when a zone was not seen.
        --
        문을 하나씩 열고, 센서 앞을 지나고, 누수 테이프를 적십시오. 에이전트가 돌고 있으면 그동안 경보를
        미룹니다 (최대 30분, 경비 해제 상태여야 함). 모든 구역을 보았거나 --for가 지나거나 Ctrl-C면 끝납니다.
        보지 못한 구역이 있으면 종료 코드 1입니다.
        ==
        Arm the container: doors (and motion, when away) raise alarms from now on
        --
        경비 시작: 이제부터 문이 (외출이면 움직임도) 경보를 냅니다
        ==
        `mdc-agent arm` arms away: after the exit time every zone is in force. `mdc-agent arm stay` leaves
        out what moves inside. Refused while a zone is open or cannot be read: the answer names it.
        --
        `mdc-agent arm`은 외출 경비입니다: 퇴실 시간이 지나면 모든 구역이 살아납니다. `mdc-agent arm stay`는
        안에서 움직이는 것을 뺍니다. 구역이 열려 있거나 읽을 수 없으면 거절하고 그 이름을 말합니다.
        ==
        Disarm the container: somebody who belongs here is inside
        --
        경비 해제: 있어야 할 사람이 안에 있음
        ==
        Smoke, leak and tamper stay in force. Bypasses of doors and motion end.
        --
        연기, 누수, 탬퍼는 계속 살아 있습니다. 문과 움직임의 우회는 끝납니다.
        ==
        Leave one zone out for a while, or take it in again
        --
        구역 하나를 한동안 빼거나 다시 넣기
        ==
        The bypass ends by itself (site file, bypass-max). Smoke, leak and tamper need an engineer.
        --
        우회는 저절로 끝납니다 (사이트 파일의 bypass-max). 연기, 누수, 탬퍼에는 엔지니어가 필요합니다.
        ==
        The accelerators: slot, serial, health, what to do
        --
        가속기: 슬롯, 일련번호, 상태, 할 일
        ==
        Asks the running agent; where none runs, the cards are read directly: then a fault that shows only
        over time (a rising counter, a stopped heartbeat) cannot be told from one short look.
        Exit code: 0 every expected card is ok, 1 something is degraded or unknown, 2 a card failed or is absent.
        --
        도는 에이전트에 묻습니다. 없으면 카드를 직접 읽는데, 시간이 지나야 보이는 고장(늘어나는 카운터, 멈춘
        하트비트)은 한 번 봐서는 알 수 없습니다.
        종료 코드: 0 모두 정상, 1 저하나 알 수 없음, 2 고장 난 카드나 없는 카드.
        ==
        One accelerator: every finding with its evidence, every value
        --
        가속기 하나: 모든 발견 사항과 증거, 모든 값
        ==
        The same, kept current; Ctrl-C ends
        --
        같은 것을 계속 새로; Ctrl-C로 끝
        ==
        The journal: what happened, in order; and whether anybody changed it
        --
        기록: 무슨 일이 어떤 순서로 있었고, 누가 고쳤는지
        ==
        Reads the journal's file itself, so it works without a running agent too. Without --since the
        newest are shown. T is an event's number, a time (2026-11-25T22:00:00Z), or how long ago (2h, 30min, 7d).

        --verify reads the whole chain and says whether an event was changed, taken out or cut off; with
        --key it checks the signatures of the checkpoints too. Exit 0: whole, 2: not.
        --
        기록 파일을 직접 읽으므로 에이전트 없이도 됩니다. --since가 없으면 가장 새 것을 보여 줍니다.
        T는 이벤트 번호, 시각(2026-11-25T22:00:00Z), 또는 얼마 전(2h, 30min, 7d)입니다.

        --verify는 사슬 전체를 읽고 이벤트가 바뀌거나 빠지거나 잘렸는지 말합니다. --key가 있으면 체크포인트의
        서명도 확인합니다. 종료 코드 0: 온전함, 2: 아님.
        ==
        Which alarms stand, worst first
        --
        발생한 경보, 심한 것부터
        ==
        An alarm marked 'acknowledged' was seen by somebody; one marked 'over' waits to be acknowledged.
        What another alarm explains is indented under it. Exit 0: none, 1: some, 2: one is critical.
        --
        '확인'은 누가 보았다는 뜻이고, '해소'는 끝났지만 확인을 기다린다는 뜻입니다. 다른 경보로 설명되는 것은
        그 아래에 들여 씁니다. 종료 코드 0: 없음, 1: 있음, 2: 위급한 것이 있음.
        ==
        Say that an alarm was seen; one that is over then leaves the list
        --
        경보를 보았다고 알리기; 해소된 것은 목록에서 사라집니다
        ==
        Hide an alarm from people for a while
        --
        경보를 한동안 사람에게 숨기기
        ==
        For an alarm that is known and being worked on. What it does to the posture stays; the shelf ends
        by itself. A critical alarm needs an engineer.
        --
        알고 있고 손보는 중인 경보에 씁니다. 태세에 미치는 영향은 그대로이며, 보류는 저절로 끝납니다.
        위급한 경보에는 엔지니어가 필요합니다.
        ==
        Show a shelved alarm again
        --
        보류한 경보를 다시 보이기
        ==
        Read registers, or one point, from a machine now
        --
        지금 장비에서 레지스터나 포인트 하나를 읽기
        ==
        TARGET is a unit of the site file, host[:port] or a serial device; PLACE is a table and the number on
        the wire (holding:768, input:0, coil:8, discrete:3) or a point's path in the unit's map. A bus of the
        site is asked through the running agent, between its polls; without an agent the machine is asked
        directly.
          mdc-agent modbus read ups1 battery.charge
          mdc-agent modbus read 192.168.10.21 holding:128 --count 4
          mdc-agent modbus read /dev/ttyUSB0 input:0 --type f32 --serial '9600 8N1' --id 3
        --
        TARGET은 사이트 파일의 유닛, host[:port], 직렬 장치입니다. PLACE는 표와 번호(holding:768, input:0,
        coil:8, discrete:3) 또는 유닛 지도 안의 포인트 경로입니다. 사이트의 버스는 도는 에이전트를 거쳐 폴링
        사이에 묻고, 에이전트가 없으면 장비에 직접 묻습니다.
          mdc-agent modbus read ups1 battery.charge
          mdc-agent modbus read 192.168.10.21 holding:128 --count 4
          mdc-agent modbus read /dev/ttyUSB0 input:0 --type f32 --serial '9600 8N1' --id 3
        ==
        Change a point: shows what would be sent, and does it with --yes
        --
        포인트 바꾸기: 보낼 것을 보여 주고, --yes면 실행
        ==
        Goes through the running agent and its guard: only what the machine's map marks writable and the site
        file allows, within its limits. The agent reads the value back and says whether it took: confirmed,
        mismatch, rejected or unknown (exit 0, 1, 77, 2). VALUE is a number in the point's unit, or a state's text.
        --
        도는 에이전트와 그 가드를 거칩니다: 장비 지도가 쓰기를 허락하고 사이트 파일이 허락한 것만, 한계 안에서.
        에이전트가 값을 다시 읽고 결과를 말합니다: confirmed, mismatch, rejected, unknown (종료 코드 0, 1, 77, 2).
        VALUE는 포인트 단위의 숫자나 상태 이름입니다.
        ==
        Follow a unit's points, or with --trace every frame on a bus
        --
        유닛의 포인트를, --trace면 버스의 모든 프레임을 따라가기
        ==
        Prints a line whenever a point of the unit changes. With --trace NAME is a bus, and every frame that
        passes is printed with what it means. Needs the running agent, which owns the bus; Ctrl-C ends.
        --
        유닛의 포인트가 바뀔 때마다 한 줄을 씁니다. --trace면 NAME은 버스이고, 지나가는 모든 프레임을 뜻과 함께
        씁니다. 버스를 쥔 에이전트가 돌아야 합니다. Ctrl-C로 끝납니다.
        ==
        Every bus and unit: requests, errors, round-trip times, the last error in words
        --
        모든 버스와 유닛: 요청, 오류, 왕복 시간, 마지막 오류
        ==
        Look for machines at an address or on a serial line
        --
        주소나 직렬선에서 장비 찾기
        ==
        Asks each unit id one harmless question (read register 0); every answer counts, also a refusal. A host
        is tried on the usual ports, a serial line at the usual speeds unless --serial gives one. A bus that the
        agent owns is scanned through it, between its polls. Ends with the lines to paste into the site file.
        --
        유닛 번호마다 해 없는 질문 하나(레지스터 0 읽기)를 합니다. 거절도 응답으로 칩니다. 호스트는 흔한 포트로,
        직렬선은 --serial이 없으면 흔한 속도로 해 봅니다. 에이전트가 쥔 버스는 에이전트를 거쳐 폴링 사이에
        찾습니다. 끝에 사이트 파일에 붙일 줄을 보여 줍니다.
        ==
        Ask a machine what it is, and propose its lines for the site file
        --
        장비에 무엇인지 묻고 사이트 파일에 쓸 줄을 제안
        ==
        Asks for its identification (function 43/14), its SunSpec models, and compares characteristic registers
        with every map of the hardware library. Reads only.
        --
        식별 정보(기능 43/14)와 SunSpec 모델을 묻고, 특징 있는 레지스터를 하드웨어 라이브러리의 모든 지도와
        비교합니다. 읽기만 합니다.
        ==
        Connected to whom, how far behind, what was refused last
        --
        누구와 연결됐고, 얼마나 밀렸고, 마지막으로 무엇을 거절했는지
        ==
        Exit code: 0 connected and nothing older than a minute waits, 1 connected and behind or in trouble,
        2 not connected.
        --
        종료 코드: 0 연결됨이고 1분 넘게 기다리는 것이 없음, 1 연결됐지만 밀렸거나 문제 있음, 2 연결 안 됨.
        ==
        Send events upstream again
        --
        이벤트를 상위로 다시 보내기
        ==
        For a receiver that has lost something: events keep their ids, so one that it has already is known
        as a repetition. TIME is a date and time (2026-11-25T22:00:00Z) or a span back from now (2h, 3d).
        Example: mdc-agent upstream replay --since 6h
        --
        무엇인가 잃어버린 수신자를 위한 것입니다: 이벤트의 id는 그대로라서 이미 가진 것은 반복으로 압니다.
        TIME은 날짜와 시각(2026-11-25T22:00:00Z)이나 지금부터 거슬러 간 시간(2h, 3d)입니다.
        예: mdc-agent upstream replay --since 6h
        ==
        The models: state, lanes, what they did and how fast
        --
        모델: 상태, 레인, 한 일과 속도
        ==
        Asks the inference plane on its Unix socket: the one in the site file, or --socket. Exit code: 0 \#
        every model is ready, 1 one is not.
        --
        추론 서비스의 유닉스 소켓에 묻습니다: 사이트 파일의 것이나 --socket. 종료 코드: 0 모두 준비됨, 1 아닌 것이 있음.
        ==
        One request with a known input; the answer, and whether it is the expected one
        --
        아는 입력으로 요청 하나; 응답이 기대와 같은지
        ==
        Asks the inference plane on its Unix socket: the one in the site file, or --socket. Every element of \#
        every input is --fill. With --expect the first output must begin with these
        numbers within --tolerance. Example: mdc-agent infer send mlp --fill 1 --expect 0.092009,0.088442
        Exit code: 0 answered (as expected), 2 another answer or a failure.
        --
        추론 서비스의 유닉스 소켓에 묻습니다: 사이트 파일의 것이나 --socket. 모든 입력 원소는 --fill 값입니다. --expect가 있으면 첫 출력이 이 숫자로
        --tolerance 안에서 시작해야 합니다. 예: mdc-agent infer send mlp --fill 1 --expect 0.092009,0.088442
        종료 코드: 0 응답함 (기대대로), 2 다른 응답이거나 실패.
        ==
        Requests per second and latency of one model, from this machine
        --
        모델 하나의 초당 요청 수와 지연, 이 기계에서
        ==
        Asks the inference plane on its Unix socket: the one in the site file, or --socket. A closed loop: \#
        each client sends its next request when it has its answer.
        --
        추론 서비스의 유닉스 소켓에 묻습니다: 사이트 파일의 것이나 --socket. 닫힌 고리: 클라이언트는 응답을 받고 나서 다음 요청을 보냅니다.
        ==
        Let somebody in over TLS, or give them a new password
        --
        TLS로 들어올 사람이나 새 암호 정하기
        ==
        Asks for the password on a terminal, or reads one line from a pipe. The file keeps its scrypt hash
        alone, and is for its owner only. The agent reads it at its start and at a reload:
        systemctl reload mdc-agent.
        --
        터미널에서 암호를 묻거나 파이프에서 한 줄을 읽습니다. 파일에는 scrypt 해시만 있고 주인만 읽을 수
        있습니다. 에이전트는 시작할 때와 다시 읽을 때 이 파일을 읽습니다: systemctl reload mdc-agent.
        ==
        Let somebody in no more
        --
        더는 들이지 않기
        ==
        Who may log in over TLS
        --
        TLS로 로그인할 수 있는 사람
        ==
        SHA-256 of the certificate on the TLS address
        --
        TLS 주소 인증서의 SHA-256
        ==
        A container makes its own certificate at first start, which no browser knows. Compare this line with
        what the browser shows (View certificate, SHA-256), once; then trust it. Works without a running
        agent for whoever may read the certificate.
        --
        컨테이너는 처음 시작할 때 인증서를 스스로 만들며, 브라우저는 이를 모릅니다. 브라우저가 보여 주는 값
        (인증서 보기, SHA-256)과 이 줄을 한 번 비교한 뒤 믿으십시오. 인증서를 읽을 수 있으면 에이전트 없이도
        됩니다.
        ==
        One archive for the support desk, without secrets
        --
        지원 부서에 보낼 파일 하나, 비밀 없이
        ==
        Collects the configuration (passwords, tokens and keys removed), what 'check' finds, the newest events
        with the verdict on their chain, status, values and counters of the running agent and of the inference
        plane, its log, versions, facts of the kernel and machine, and the SHA-256 of every file. Works
        without a running agent too. Look into it before you send it: tar tzf FILE.
        --
        설정(암호, 토큰, 키는 뺌), 'check'의 결과, 최신 이벤트와 사슬 검증 결과, 도는 에이전트와 추론 서비스의
        상태와 값과 카운터, 로그, 판 번호, 커널과 기계 정보, 모든 파일의 SHA-256을 모읍니다. 에이전트 없이도
        됩니다. 보내기 전에 들여다보십시오: tar tzf FILE.
        ==
        What a shell needs to complete these commands
        --
        셸이 이 명령들을 자동 완성하는 데 필요한 것
        ==
        Prints the script for bash, zsh or fish; the packages put it in place. By hand, for one session:
          bash: source <(mdc-agent completion bash)
          zsh:  source <(mdc-agent completion zsh)
          fish: mdc-agent completion fish | source
        --
        bash, zsh, fish용 스크립트를 출력합니다. 패키지가 제자리에 둡니다. 이번 세션에만 쓰려면:
          bash: source <(mdc-agent completion bash)
          zsh:  source <(mdc-agent completion zsh)
          fish: mdc-agent completion fish | source
        ==
        The manual pages of these commands
        --
        이 명령들의 설명서
        ==
        Writes one page for each command, and mdc-agent(8) for all, into FOLDER; without it prints
        mdc-agent(8). Read one by hand: mdc-agent manual | man -l -
        --
        명령마다 한 쪽과 전체를 위한 mdc-agent(8)을 FOLDER에 씁니다. FOLDER가 없으면 mdc-agent(8)을
        출력합니다. 직접 읽기: mdc-agent manual | man -l -
        ==
        Every command: --help, --json, --site FILE, --socket PATH.
        Exit codes: 0 healthy, 1 finding, 2 fault, 64 usage, 66 no such input, 69 agent not running,
        70 internal, 75 try again, 77 no permission, 78 bad configuration.
        --
        모든 명령: --help, --json, --site FILE, --socket PATH.
        종료 코드: 0 정상, 1 발견 사항, 2 고장, 64 사용법, 66 입력 없음, 69 에이전트 안 돎,
        70 내부 오류, 75 다시 시도, 77 권한 없음, 78 잘못된 설정.
        ==
        What each feed draws and may draw; PUE; joules per inference
        --
        인입마다 쓰는 전력과 쓸 수 있는 전력, PUE, 추론당 줄
        ==
        'may' is where the feed stands on its ramp, 'usual' what it may draw without a target. PUE is after
        ISO/IEC 30134-2, with the boundary that the site file names. Exit 0: within its limits, 1: a feed
        is over or unmeasured, 2: a target is breached.
        --
        '허용'은 램프에서 지금 허용된 값, '평소'는 목표가 없을 때의 값입니다. PUE는 ISO/IEC 30134-2를 따르며
        경계는 사이트 파일이 정합니다. 종료 코드 0: 한계 안, 1: 넘었거나 측정 안 됨, 2: 목표 위반.
        ==
        Limit what feeds may draw, now or later, for a time
        --
        인입이 쓸 수 있는 전력을 지금이나 나중에 한동안 제한
        ==
        The allowance ramps down so that it is there when the time begins, and up again after it. What the
        accelerators may draw follows in the posture. T is a time (2026-11-25T22:00:00Z) or how long from
        now (2h). Example: mdc-agent power target 4000 --feed main --from 30min --for 2h
        --
        허용값은 시작 시각에 맞게 내려가고 끝나면 다시 올라갑니다. 가속기가 쓸 수 있는 전력은 태세에 따라
        바뀝니다. T는 시각(2026-11-25T22:00:00Z)이나 지금부터의 시간(2h)입니다.
        예: mdc-agent power target 4000 --feed main --from 30min --for 2h
        ==
        Remove what limits feeds, now and to come
        --
        지금과 앞으로의 인입 제한을 없애기
        ==
        What the container allows its inference, and why
        --
        컨테이너가 추론에 허락하는 것과 그 이유
        ==
        Reads the page in RUN-DIR/posture that the inference plane reads. Exit 0: normal, 1: conserve or
        drain, 2: stop or seal, 69: nobody refreshes the page, so the inference plane keeps to its safe posture.
        --
        추론 플레인이 읽는 RUN-DIR/posture 페이지를 읽습니다. 종료 코드 0: 정상, 1: 절전이나 비우는 중,
        2: 정지나 봉쇄, 69: 페이지가 새로 써지지 않아 추론 플레인이 안전 태세를 지킴.
        ==
        Asks the running agent; where none runs, the cards are read directly: then a fault that shows only
        over time (a rising counter, a stopped heartbeat) cannot be told from one short look.
        Exit code: 0 every expected card is ok, 1 something is degraded or unknown, 2 a card failed or is absent.
        In a pipe, and with --json, it prints when something has changed.
        --
        도는 에이전트에 묻습니다. 없으면 카드를 직접 읽는데, 시간이 지나야 보이는 고장(늘어나는 카운터, 멈춘
        하트비트)은 한 번 봐서는 알 수 없습니다.
        종료 코드: 0 모두 정상, 1 저하나 알 수 없음, 2 고장 난 카드나 없는 카드.
        파이프나 --json에서는 바뀐 것이 있을 때만 씁니다.
        """#
}
