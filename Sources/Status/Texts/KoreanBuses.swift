extension Catalogue {
    /// What the commands of the buses do (--help).
    static let koreanBuses = #"""
        Asks each unit id one harmless question (read register 0); every answer counts, also a refusal. A host
        is tried on the usual ports, a serial line at the usual speeds and parities until somebody answers: all
        247 ids take 50 s a speed. A bus that the agent owns is scanned through it, at its own speed, between its
        polls. Ends with the lines to paste into the site file.
          mdc-agent modbus scan 192.168.10.21
          mdc-agent modbus scan /dev/serial/by-id/usb-FTDI_... --ids 1-16 --serial '9600 8N1,19200 8E1'
        --
        유닛 번호마다 해 없는 질문 하나(레지스터 0 읽기)를 합니다. 거절도 응답으로 칩니다. 호스트는 흔한 포트로,
        직렬선은 누가 응답할 때까지 흔한 속도와 패리티로 해 봅니다: 247개 번호 전부에 속도마다 50초입니다.
        에이전트가 쥔 버스는 에이전트를 거쳐, 그 속도로, 폴링 사이에 찾습니다. 끝에 사이트 파일에 붙일 줄을
        보여 줍니다.
          mdc-agent modbus scan 192.168.10.21
          mdc-agent modbus scan /dev/serial/by-id/usb-FTDI_... --ids 1-16 --serial '9600 8N1,19200 8E1'
        ==
        Asks for its identification (function 43/14), its SunSpec models, and compares characteristic registers
        with every map of the hardware library. Where none is certain, the maps whose points make sense in
        what the machine answers are named as a guess. Reads only.
        --
        식별 정보(기능 43/14)와 SunSpec 모델을 묻고, 특징 있는 레지스터를 하드웨어 라이브러리의 모든 지도와
        비교합니다. 확실한 것이 없으면 응답에 맞는 지도를 추측으로 말합니다. 읽기만 합니다.
        ==
        host[:port], serial device, or a unit whose bus is meant
        --
        host[:port], 직렬 장치, 또는 그 버스를 뜻하는 유닛
        ==
        Speeds of a serial line: '9600 8N1,19200 8E1' (default: the usual ten)
        --
        직렬선 속도: '9600 8N1,19200 8E1' (기본: 흔한 열 가지)
        ==
        Prints a line whenever a point of the unit changes. With --trace every frame that passes on the bus, or on
        the bus of the unit, is printed with what it means. Needs the running agent, which owns the bus; Ctrl-C
        ends.
        --
        유닛의 포인트가 바뀔 때마다 한 줄을 씁니다. --trace면 그 버스나 유닛의 버스를 지나가는 모든 프레임을
        뜻과 함께 씁니다. 버스를 쥔 에이전트가 돌아야 합니다. Ctrl-C로 끝납니다.
        ==
        a unit; with --trace also a bus
        --
        유닛; --trace면 버스도
        """#
}
