extension Catalogue {
    /// What the page alone says.
    static let koreanPage = #"""
        live
        --
        실시간
        ==
        connection lost, trying again
        --
        연결이 끊겨 다시 시도하는 중
        ==
        Health
        --
        상태
        ==
        Posture
        --
        운전 태세
        ==
        Security
        --
        경비
        ==
        armed, somebody inside
        --
        재실 경비
        ==
        armed
        --
        외출 경비
        ==
        exit delay
        --
        퇴실 지연
        ==
        entry delay
        --
        입실 지연
        ==
        Alarms
        --
        경보
        ==
        No alarm stands.
        --
        발생한 경보가 없습니다.
        ==
        Acknowledge
        --
        확인
        ==
        acknowledged by
        --
        확인한 사람
        ==
        cleared
        --
        해소됨
        ==
        Events
        --
        이벤트
        ==
        Last hour
        --
        지난 한 시간
        ==
        All values
        --
        모든 값
        ==
        filter, such as ups1.*
        --
        거르기, 예: ups1.*
        ==
        Supply
        --
        전원
        ==
        Backup
        --
        백업
        ==
        Distribution
        --
        배전
        ==
        Transfer
        --
        절체
        ==
        Coolant and air
        --
        냉각수와 공기
        ==
        Mains
        --
        상용 전원
        ==
        present
        --
        있음
        ==
        on battery
        --
        배터리 운전
        ==
        The container
        --
        컨테이너
        ==
        more: use the filter
        --
        개 더 있음: 거르기를 쓰십시오
        ==
        UPS
        --
        무정전 전원
        ==
        meter
        --
        계량기
        ==
        distribution
        --
        분전반
        ==
        generator
        --
        발전기
        ==
        transfer switch
        --
        절체 스위치
        ==
        battery
        --
        배터리
        ==
        air cooling
        --
        공기 냉각
        ==
        chiller
        --
        냉동기
        ==
        coolant unit
        --
        냉각수 장치
        ==
        sensor
        --
        센서
        ==
        inverter
        --
        인버터
        ==
        power shelf
        --
        정류기
        ==
        rear door
        --
        뒷문 냉각
        ==
        heat exchanger
        --
        열교환기
        ==
        machine
        --
        장치
        ==
        Accelerators
        --
        가속기
        ==
        Inference
        --
        추론
        ==
        Cooling
        --
        냉각
        ==
        Climate
        --
        온습도
        ==
        Doors and sensors
        --
        문과 센서
        ==
        does not answer
        --
        응답 없음
        ==
        not read yet
        --
        아직 읽지 못함
        ==
        This address is read-only; use https and your password.
        --
        이 주소는 읽기 전용입니다. https와 암호를 쓰십시오.
        ==
        Refused
        --
        거절됨
        ==
        light or dark
        --
        밝게 또는 어둡게
        ==
        한국어
        --
        English
        ==
        Name
        --
        이름
        ==
        Value
        --
        값
        ==
        Quality
        --
        품질
        ==
        Age
        --
        경과
        ==
        Upstream
        --
        상위 연결
        ==
        events behind
        --
        건 밀림
        ==
        Journal
        --
        기록
        ==
        durable
        --
        디스크에 기록
        ==
        memory only
        --
        메모리만
        ==
        shorted
        --
        단락
        ==
        cut
        --
        단선
        ==
        in transition
        --
        전환 중
        ==
        Certificate fingerprint
        --
        인증서 지문
        ==
        inferences made
        --
        건 추론
        ==
        on
        --
        켜짐
        ==
        off
        --
        꺼짐
        ==
        stopped
        --
        정지
        ==
        running
        --
        운전 중
        ==
        stands open
        --
        열림
        ==
        unverified
        --
        미확인
        """#
}
