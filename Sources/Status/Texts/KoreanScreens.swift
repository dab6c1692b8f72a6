extension Catalogue {
    /// What the screens say, what went wrong, and what to do about it.
    static let koreanScreens = #"""
        the service inside a micro data centre
        --
        마이크로 데이터센터 안의 서비스
        ==
        %1 of %2 units answer
        --
        장비 %2대 중 %1대 응답
        ==
        %1 at %2
        --
        %1, 주소 %2
        ==
        %1 active, %2 to acknowledge
        --
        발생 %1건, 확인 대기 %2건
        ==
        worst: %1
        --
        최고 등급: %1
        ==
        %1 lanes
        --
        레인 %1개
        ==
        %1 of %2 lanes
        --
        레인 %2개 중 %1개
        ==
        %1 events behind
        --
        이벤트 %1건 밀림
        ==
        %1 of %2 answer on %3 buses
        --
        %2대 중 %1대 응답, 버스 %3개
        ==
        %1 of %2 are well
        --
        %2장 중 %1장 정상
        ==
        %1 of %2 are normal
        --
        %2곳 중 %1곳 정상
        ==
        and %1 more
        --
        외 %1개
        ==
        and %1 more: mdc-agent alarms
        --
        외 %1건: mdc-agent alarms
        ==
        ... and %1 lines more
        --
        ... 외 %1줄
        ==
        trying again every second
        --
        1초마다 다시 시도합니다
        ==
        memory only: what happens now is lost with the power
        --
        메모리에만 기록: 전원이 끊기면 지금 기록이 사라집니다
        ==
        no alarm stands
        --
        발생한 경보가 없습니다
        ==
        acknowledged by %1
        --
        확인: %1
        ==
        shelved for %1
        --
        보류: %1
        ==
        %1 faults, %2 findings
        --
        고장 %1건, 확인할 것 %2건
        ==
        %1 files, %2 kB, SHA-256 %3
        --
        파일 %1개, %2 kB, SHA-256 %3
        ==
        the journal in %1: %2
        --
        %1의 기록: %2
        ==
        the agent: %1
        --
        에이전트: %1
        ==
        the inference plane: %1
        --
        추론 서비스: %1
        ==
        the log: journalctl told nothing (is this user in the group systemd-journal?)
        --
        로그: journalctl이 아무것도 내놓지 않았습니다 (이 사용자가 systemd-journal 그룹에 있습니까?)
        ==
        usage: %1; see mdc-agent %2 --help
        --
        사용법: %1; 자세히: mdc-agent %2 --help
        ==
        see mdc-agent help
        --
        mdc-agent help를 보십시오
        ==
        there is: %1
        --
        있는 것: %1
        ==
        there is: bash, zsh, fish
        --
        있는 것: bash, zsh, fish
        ==
        no such command: %1
        --
        그런 명령이 없습니다: %1
        ==
        no completion for '%1'
        --
        '%1'용 자동 완성은 없습니다
        ==
        no agent answers on %1
        --
        %1에서 응답하는 에이전트가 없습니다
        ==
        no permission to use %1
        --
        %1을(를) 쓸 권한이 없습니다
        ==
        the agent's answer broke off: %1
        --
        에이전트의 응답이 끊겼습니다: %1
        ==
        the agent refused (%1): %2
        --
        에이전트가 거절했습니다 (%1): %2
        ==
        start it: systemctl start mdc-agent (or mdc-agent run); its log: journalctl -u mdc-agent
        --
        시작하십시오: systemctl start mdc-agent (또는 mdc-agent run); 로그: journalctl -u mdc-agent
        ==
        join the group mdc-agent (adduser $USER mdc-agent), or use sudo
        --
        mdc-agent 그룹에 들어가거나 (adduser $USER mdc-agent) sudo를 쓰십시오
        ==
        join the group mdc-agent, or use sudo
        --
        mdc-agent 그룹에 들어가거나 sudo를 쓰십시오
        ==
        no point is named like '%1'
        --
        '%1'에 맞는 포인트가 없습니다
        ==
        mdc-agent points lists all
        --
        모두 보기: mdc-agent points
        ==
        mdc-agent user list
        --
        mdc-agent user list
        ==
        no profile is named '%1'
        --
        '%1'이라는 프로필이 없습니다
        ==
        mdc-agent hardware list shows all
        --
        모두 보기: mdc-agent hardware list
        ==
        unknown option %1
        --
        모르는 옵션 %1
        ==
        %1 needs a value: %2
        --
        %1에는 값이 필요합니다: %2
        ==
        %1 takes no value
        --
        %1에는 값이 없습니다
        ==
        %1 is missing
        --
        %1이(가) 빠졌습니다
        ==
        too many arguments: '%1'
        --
        인수가 너무 많습니다: '%1'
        ==
        found '%1', expected %2
        --
        '%1'이(가) 주어짐, 필요한 값은 %2
        ==
        found '%1', expected a time such as 30min or 2h
        --
        '%1'이(가) 주어짐, 필요한 값은 30min이나 2h 같은 시간
        ==
        which? give its ID, or --all
        --
        어느 것입니까? ID나 --all을 주십시오
        ==
        there is no %1
        --
        %1이(가) 없습니다
        ==
        no permission for %1
        --
        %1에 대한 권한이 없습니다
        ==
        no permission to write to %1
        --
        %1에 쓸 권한이 없습니다
        ==
        the user must be in the group dialout
        --
        사용자가 dialout 그룹에 있어야 합니다
        ==
        is the adapter plugged in? ls /dev/serial/by-id names what is
        --
        어댑터가 꽂혀 있습니까? ls /dev/serial/by-id로 확인하십시오
        ==
        is the machine powered, is the address right? mdc-agent modbus scan %1 looks for it
        --
        장비 전원과 주소가 맞습니까? mdc-agent modbus scan %1로 찾습니다
        ==
        systemd makes it at start; by hand: mkdir -p %1
        --
        시작할 때 systemd가 만듭니다. 직접 만들기: mkdir -p %1
        ==
        run this as the agent's user: sudo -u mdc-agent mdc-agent check
        --
        에이전트의 사용자로 실행하십시오: sudo -u mdc-agent mdc-agent check
        ==
        mdc-agent gpio list shows every line there is
        --
        모든 선 보기: mdc-agent gpio list
        ==
        '%1' is no name
        --
        '%1'은(는) 이름이 아닙니다
        ==
        use letters, digits, '.', '_' and '-'
        --
        글자, 숫자, '.', '_', '-'를 쓰십시오
        ==
        '%1' is no authority
        --
        '%1'은(는) 권한이 아닙니다
        ==
        viewer, technician or engineer
        --
        viewer, technician, engineer 중 하나
        ==
        a password has at least eight characters
        --
        암호는 여덟 글자 이상입니다
        ==
        try again
        --
        다시 해 보십시오
        ==
        %1 may log in as %2; now: systemctl reload mdc-agent
        --
        %1은(는) %2(으)로 로그인할 수 있습니다. 이제: systemctl reload mdc-agent
        ==
        %1 is removed; now: systemctl reload mdc-agent
        --
        %1을(를) 지웠습니다. 이제: systemctl reload mdc-agent
        ==
        no such user in %1
        --
        %1에 그런 사용자가 없습니다
        ==
        use sudo, or name another file with --file
        --
        sudo를 쓰거나 --file로 다른 파일을 주십시오
        ==
        correct the file, or chmod 600 it
        --
        파일을 고치거나 chmod 600 하십시오
        ==
        'mdc-agent user set NAME' makes the file
        --
        'mdc-agent user set NAME'이 파일을 만듭니다
        ==
        no certificate: this container has no TLS address, or nobody has started the agent
        --
        인증서가 없습니다: TLS 주소가 없거나 아직 에이전트를 시작하지 않았습니다
        ==
        add status.secure.listen to the site file, then: systemctl reload mdc-agent
        --
        사이트 파일에 status.secure.listen을 더한 뒤: systemctl reload mdc-agent
        ==
        no memory to pack it
        --
        압축할 메모리가 없습니다
        ==
        ask for fewer events: --events 500
        --
        이벤트를 줄이십시오: --events 500
        ==
        name another place: --output /tmp/bundle.tar.gz
        --
        다른 곳을 주십시오: --output /tmp/bundle.tar.gz
        ==
        name a folder that you may write to
        --
        쓸 수 있는 폴더를 주십시오
        ==
        no GPIO chip on this machine
        --
        이 기계에는 GPIO 칩이 없습니다
        ==
        ls /dev/gpiochip*; is its driver loaded?
        --
        ls /dev/gpiochip*; 드라이버가 올라와 있습니까?
        ==
        nothing stands against it
        --
        막을 이유가 없습니다
        ==
        the agent has just started
        --
        에이전트가 방금 시작했습니다
        ==
        starting: nothing has been read yet
        --
        시작하는 중: 아직 아무것도 읽지 못했습니다
        ==
        starting: %1 of the points it rests on were not read yet
        --
        시작하는 중: 근거가 되는 포인트 %1개를 아직 읽지 못했습니다
        ==
        %1 (and 1 more)
        --
        %1 (외 1건)
        ==
        %1 (and %2 more)
        --
        %1 (외 %2건)
        ==
        over: %1
        --
        해소: %1
        ==
        mdc-agent %1 started: %2 points
        --
        mdc-agent %1 시작: 포인트 %2개
        ==
        mdc-agent is stopping
        --
        mdc-agent를 멈추는 중
        ==
        %1 zones read at the start: all normal
        --
        시작할 때 구역 %1곳을 읽음: 모두 정상
        ==
        FEED
        --
        인입
        ==
        DRAWS
        --
        사용
        ==
        MAY
        --
        허용
        ==
        USUAL
        --
        평소
        ==
        MOST
        --
        최대
        ==
        ENERGY
        --
        에너지
        ==
        breach
        --
        위반
        ==
        breach, critical
        --
        심한 위반
        ==
        a meter is not good
        --
        계량기 불량
        ==
        over its limit
        --
        한계 초과
        ==
        ramping
        --
        조절 중
        ==
        limited
        --
        제한됨
        ==
        this site has no power feeds
        --
        이 사이트에는 전력 인입이 없습니다
        ==
        name them in the site file under control: feeds:
        --
        사이트 파일의 control: feeds:에 적으십시오
        ==
        nobody refreshes %1: the inference plane keeps to its safe posture
        --
        %1이(가) 새로 써지지 않습니다: 추론 플레인이 안전 태세를 지킵니다
        ==
        Each explains itself: mdc-agent %1 --help
        --
        각 명령의 설명: mdc-agent %1 --help
        """#
}
