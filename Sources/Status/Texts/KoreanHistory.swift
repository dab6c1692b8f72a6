extension Catalogue {
    /// The history's command, its options and its columns.
    static let koreanHistory = #"""
        What points read: each change for hours, minutes for weeks, all around critical events
        --
        포인트가 읽은 값: 몇 시간은 모든 변화, 몇 주는 분 단위, 위급 이벤트 앞뒤는 전부
        ==
        Reads history.sqlite itself, so it works without a running agent too; the newest seconds come a little
        later. POINT may be a pattern: mdc-agent history 'ups1.*' --since 10min. Without POINT the critical
        events are listed whose surroundings are kept in full (the black box): --around N shows what all points,
        or those of POINT, did there. T is a time (2026-11-25T22:00:00Z), or how long ago (2h, 30min, 7d).
        --
        history.sqlite를 직접 읽으므로 에이전트 없이도 됩니다. 가장 새 몇 초는 조금 뒤에 나옵니다. POINT는
        패턴일 수 있습니다: mdc-agent history 'ups1.*' --since 10min. POINT가 없으면 앞뒤가 전부 남아 있는
        위급 이벤트(블랙박스)를 보여 줍니다. --around N은 그때 모든 포인트, 또는 POINT가 어땠는지 보여 줍니다.
        T는 시각(2026-11-25T22:00:00Z), 또는 얼마 전(2h, 30min, 7d)입니다.
        ==
        a point, or a pattern of points
        --
        포인트, 또는 포인트 패턴
        ==
        From time T on, or from T ago (default: 1h)
        --
        시각 T부터, 또는 T 전부터 (기본: 1h)
        ==
        Up to time T, or up to T ago (default: now)
        --
        시각 T까지, 또는 T 전까지 (기본: 지금)
        ==
        What is kept around critical event number N
        --
        위급 이벤트 번호 N 앞뒤로 남은 것
        ==
        Minimum, mean and maximum of each minute
        --
        분마다 최솟값, 평균, 최댓값
        ==
        At most so many lines (default 1000)
        --
        최대 이만큼의 줄 (기본 1000)
        ==
        Where history.sqlite stands (default: as the site file says)
        --
        history.sqlite가 있는 곳 (기본: 사이트 파일대로)
        ==
        TIME
        --
        시각
        ==
        MINIMUM
        --
        최소
        ==
        MEAN
        --
        평균
        ==
        MAXIMUM
        --
        최대
        ==
        CHANGES
        --
        변화
        ==
        EVENT
        --
        이벤트
        ==
        FROM
        --
        부터
        ==
        TO
        --
        까지
        """#
}
