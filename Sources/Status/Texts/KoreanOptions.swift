extension Catalogue {
    /// Arguments and options (--help).
    static let koreanOptions = #"""
        Print JSON (the stable form; text is for people)
        --
        JSON으로 출력 (바뀌지 않는 형식; 글은 사람용)
        ==
        The site file (default /etc/mdc-agent/site.yaml)
        --
        사이트 파일 (기본 /etc/mdc-agent/site.yaml)
        ==
        The hardware library (default: beside the program, then /usr/share)
        --
        하드웨어 라이브러리 (기본: 프로그램 옆, 그다음 /usr/share)
        ==
        Where sockets and run-time state live (default /run/mdc-agent)
        --
        소켓과 실행 상태가 있는 곳 (기본 /run/mdc-agent)
        ==
        The socket to ask (default RUN-DIR/agent.sock; of infer, the site file's)
        --
        물어볼 소켓 (기본 RUN-DIR/agent.sock, infer는 사이트 파일의 것)
        ==
        Explain the command
        --
        명령 설명
        ==
        One screen of 80x24, kept current; Ctrl-C ends
        --
        80x24 한 화면을 계속 새로; Ctrl-C로 끝
        ==
        which points
        --
        어느 포인트
        ==
        its name
        --
        이름
        ==
        a line's name, or CHIP:OFFSET
        --
        선의 이름, 또는 CHIP:OFFSET
        ==
        End after this many edges
        --
        변화가 이만큼 있으면 끝
        ==
        End after this time
        --
        이 시간 뒤에 끝
        ==
        Let the kernel take out bounces this long (default 0)
        --
        커널이 이만큼의 떨림을 거름 (기본 0)
        ==
        End after this time (default 1800)
        --
        이 시간 뒤에 끝 (기본 1800)
        ==
        away (the default) or stay
        --
        away (기본) 또는 stay
        ==
        Take the zone in again
        --
        구역을 다시 넣기
        ==
        its name, slot, serial or PCI address
        --
        이름, 슬롯, 일련번호, PCI 주소
        ==
        Go on with what happens from now; Ctrl-C ends
        --
        지금부터 일어나는 일을 계속; Ctrl-C로 끝
        ==
        Only events after number T, since time T, or since T ago
        --
        번호 T 다음, 시각 T부터, 또는 T 전부터의 이벤트만
        ==
        At most so many (default 50; with --since 1000)
        --
        많아야 이만큼 (기본 50; --since면 1000)
        ==
        At least this grave: info, notice, warning, major, critical
        --
        이 등급 이상: info, notice, warning, major, critical
        ==
        Only this kind: alarm.raised, posture.changed, ...
        --
        이 종류만: alarm.raised, posture.changed, ...
        ==
        Only about this device or point
        --
        이 장비나 포인트에 관한 것만
        ==
        Check the chain instead of showing it
        --
        보여 주는 대신 사슬을 검사
        ==
        With --verify: the public key (PEM) that the checkpoints were signed for
        --
        --verify와 함께: 체크포인트 서명의 공개 키 (PEM)
        ==
        Where journal.sqlite stands (default: as the site file says)
        --
        journal.sqlite가 있는 곳 (기본: 사이트 파일대로)
        ==
        the alarm, as 'mdc-agent alarms' names it
        --
        경보, 'mdc-agent alarms'에 나오는 이름
        ==
        All that nobody has acknowledged
        --
        아무도 확인하지 않은 것 전부
        ==
        the alarm
        --
        경보
        ==
        How long: 30min, 2h; up to 24h (default 1h)
        --
        얼마나: 30min, 2h; 최대 24h (기본 1h)
        ==
        Why; it is kept in the journal
        --
        이유; 기록에 남습니다
        ==
        unit, host[:port] or serial device
        --
        유닛, host[:port], 직렬 장치
        ==
        host[:port] or serial device
        --
        host[:port] 또는 직렬 장치
        ==
        table:number, or a path
        --
        표:번호, 또는 경로
        ==
        Unit id (default 1, or the site file's)
        --
        유닛 번호 (기본 1, 또는 사이트 파일의 것)
        ==
        For a serial device: '19200 8E1' (default 9600 8N1)
        --
        직렬 장치용: '19200 8E1' (기본 9600 8N1)
        ==
        Serial frames through TCP (a serial server that knows no Modbus)
        --
        TCP로 직렬 프레임 보내기 (Modbus를 모르는 직렬 서버)
        ==
        How long an answer may take (default 1000)
        --
        응답을 기다리는 시간 (기본 1000)
        ==
        How many registers or coils (default: as the type needs)
        --
        레지스터나 코일 수 (기본: 형식에 맞게)
        ==
        u16 i16 u32 i32 u48 u64 i64 f32 f64 bcd16 bcd32 string (default u16)
        --
        u16 i16 u32 i32 u48 u64 i64 f32 f64 bcd16 bcd32 string (기본 u16)
        ==
        The low word comes first
        --
        낮은 워드가 먼저
        ==
        its full name: crac1.setpoint
        --
        전체 이름: crac1.setpoint
        ==
        a number or a state
        --
        숫자나 상태
        ==
        Do it; without this nothing is changed
        --
        실행; 이것이 없으면 아무것도 바꾸지 않음
        ==
        The reason, for the journal
        --
        기록에 남길 이유
        ==
        a unit; with --trace a bus
        --
        유닛; --trace면 버스
        ==
        Show the frames
        --
        프레임 보이기
        ==
        End after N lines (default: never)
        --
        N줄 뒤에 끝 (기본: 끝없음)
        ==
        Keep it current; Ctrl-C ends
        --
        계속 새로; Ctrl-C로 끝
        ==
        Unit ids: 1-247 (default; for hosts 1-10,100,247,255)
        --
        유닛 번호: 1-247 (기본; 호스트는 1-10,100,247,255)
        ==
        TCP ports (default 502,503,1502,4001,5020)
        --
        TCP 포트 (기본 502,503,1502,4001,5020)
        ==
        Events since that time
        --
        그때부터의 이벤트
        ==
        Events after this number
        --
        이 번호 다음의 이벤트
        ==
        the model's name
        --
        모델 이름
        ==
        Value of every input element (default 1)
        --
        모든 입력 원소의 값 (기본 1)
        ==
        How the first output must begin
        --
        첫 출력이 어떻게 시작해야 하는지
        ==
        Allowed difference (default 0.0001)
        --
        허용 차이 (기본 0.0001)
        ==
        Clients at once (default 8)
        --
        동시 클라이언트 (기본 8)
        ==
        How long (default 5)
        --
        얼마나 오래 (기본 5)
        ==
        Rows per request (default 1)
        --
        요청당 행 수 (기본 1)
        ==
        letters, digits, '.', '_' and '-'
        --
        글자, 숫자, '.', '_', '-'
        ==
        The file of users (default /etc/mdc-agent/users; status.secure.users names it)
        --
        사용자 파일 (기본 /etc/mdc-agent/users; status.secure.users가 정함)
        ==
        viewer, technician or engineer (default viewer)
        --
        viewer, technician, engineer (기본 viewer)
        ==
        This name comes with a client certificate only
        --
        이 이름은 클라이언트 인증서로만 들어옴
        ==
        who
        --
        누구
        ==
        The archive (default mdc-bundle-SITE-TIME.tar.gz here; - for a pipe)
        --
        파일 (기본: 여기에 mdc-bundle-SITE-TIME.tar.gz; 파이프는 -)
        ==
        At most so many events (default 5000)
        --
        많아야 이만큼의 이벤트 (기본 5000)
        ==
        bash, zsh or fish
        --
        bash, zsh, fish
        ==
        where the pages go
        --
        설명서를 둘 곳
        ==
        at most so much
        --
        많아야 이만큼
        ==
        Only this feed (default: all)
        --
        이 인입만 (기본: 전부)
        ==
        When it begins (default: now)
        --
        시작 시각 (기본: 지금)
        ==
        How long it holds (default: until replaced)
        --
        얼마나 오래 (기본: 바꿀 때까지)
        ==
        When it ends, instead of --for
        --
        끝나는 시각, --for 대신
        """#
}
