/// Every word of the page, in both languages. `PageTests` holds the two to the same keys.
enum PageTexts {
    static let json = #"""
        {
        "en": {
        "live": "live", "lost": "connection lost, trying again", "starting": "starting",
        "health": "Health", "ok": "ok", "degraded": "degraded", "fault": "fault",
        "posture": "Posture", "normal": "normal", "conserve": "conserve", "drain": "drain", "stop": "stop",
        "seal": "seal", "arming": "Security", "disarmed": "disarmed", "stay": "armed, somebody inside",
        "away": "armed", "exiting": "exit delay", "entering": "entry delay",
        "alarms": "Alarms", "no-alarms": "No alarm stands.", "ack": "Acknowledge", "acked": "acknowledged by",
        "cleared": "cleared", "events": "Events", "trends": "Last hour", "points": "All values",
        "filter": "filter, such as ups1.*", "supply": "Supply", "backup": "Backup", "distribution": "Distribution",
        "load": "Accelerators", "lanes": "Inference", "cooling": "Cooling", "climate": "Climate",
          "doors": "Doors and sensors",
        "none": "none", "online": "online", "offline": "does not answer", "dormant": "dormant",
        "unread": "not read yet", "readonly": "This address is read-only; use https and your password.",
        "failed": "Refused", "theme": "light or dark", "language": "한국어", "name": "Name", "value": "Value",
        "quality": "Quality", "age": "Age", "good": "good", "stale": "stale", "invalid": "invalid",
        "unsupported": "unsupported", "broken": "failed", "upstream": "Upstream", "connected": "connected",
        "disconnected": "not connected", "behind": "events behind", "journal": "Journal", "durable": "durable",
        "memory-only": "memory only", "alarm": "alarm", "short": "shorted", "open": "cut", "bypassed": "bypassed",
        "ready": "ready", "absent": "absent", "transitional": "in transition", "unknown": "unknown",
        "info": "info", "notice": "notice", "warning": "warning", "major": "major", "critical": "critical",
        "tls": "Certificate fingerprint"
        },
        "ko": {
        "live": "실시간", "lost": "연결이 끊겨 다시 시도하는 중", "starting": "시작하는 중",
        "health": "상태", "ok": "정상", "degraded": "저하", "fault": "고장",
        "posture": "운전 태세", "normal": "정상", "conserve": "절전", "drain": "비우는 중", "stop": "정지",
        "seal": "봉쇄", "arming": "경비", "disarmed": "해제", "stay": "재실 경비",
        "away": "외출 경비", "exiting": "퇴실 지연", "entering": "입실 지연",
        "alarms": "경보", "no-alarms": "발생한 경보가 없습니다.", "ack": "확인", "acked": "확인한 사람",
        "cleared": "해소됨", "events": "이벤트", "trends": "지난 한 시간", "points": "모든 값",
        "filter": "거르기, 예: ups1.*", "supply": "전원", "backup": "백업", "distribution": "배전",
        "load": "가속기", "lanes": "추론", "cooling": "냉각", "climate": "온습도", "doors": "문과 센서",
        "none": "없음", "online": "응답함", "offline": "응답 없음", "dormant": "휴면",
        "unread": "아직 읽지 못함", "readonly": "이 주소는 읽기 전용입니다. https와 암호를 쓰십시오.",
        "failed": "거절됨", "theme": "밝게 또는 어둡게", "language": "English", "name": "이름", "value": "값",
        "quality": "품질", "age": "경과", "good": "양호", "stale": "오래됨", "invalid": "무효",
        "unsupported": "지원 안 함", "broken": "실패", "upstream": "상위 연결", "connected": "연결됨",
        "disconnected": "연결 안 됨", "behind": "건 밀림", "journal": "기록", "durable": "디스크에 기록",
        "memory-only": "메모리만", "alarm": "경보", "short": "단락", "open": "단선", "bypassed": "우회",
        "ready": "준비됨", "absent": "없음", "transitional": "전환 중", "unknown": "알 수 없음",
        "info": "정보", "notice": "알림", "warning": "주의", "major": "중대", "critical": "위급",
        "tls": "인증서 지문"
        }
        }
        """#
}
