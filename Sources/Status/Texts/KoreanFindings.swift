extension Catalogue {
    /// What the alarms of the hardware library and of the site's own conditions say.
    static let koreanFindings = #"""
        Battery storage is nearly empty
        --
        배터리 저장 장치가 거의 비었습니다
        ==
        Chilled water is too warm (unverified register)
        --
        냉수가 너무 따뜻합니다 (검증 안 된 레지스터)
        ==
        Chiller does not run (unverified bit)
        --
        냉동기가 돌지 않습니다 (검증 안 된 비트)
        ==
        Chiller has too little flow (unverified bit)
        --
        냉동기 유량이 모자랍니다 (검증 안 된 비트)
        ==
        Chiller shows an alarm: read its panel
        --
        냉동기 경보: 패널을 보십시오
        ==
        Coolant does not flow: racks will overheat within minutes
        --
        냉각수가 흐르지 않습니다: 몇 분 안에 랙이 과열됩니다
        ==
        Coolant leaks inside the pumping unit: isolate and find it
        --
        펌프 장치 안에서 냉각수가 샙니다: 차단하고 찾으십시오
        ==
        Coolant leaks outside the pumping unit: isolate and find it
        --
        펌프 장치 밖에서 냉각수가 샙니다: 차단하고 찾으십시오
        ==
        Coolant supply is too warm: check chilled water and the exchanger's valve
        --
        냉각수 공급이 너무 따뜻합니다: 냉수와 열교환기 밸브를 점검하십시오
        ==
        Cooling unit does not run
        --
        공조기가 돌지 않습니다
        ==
        Cooling unit shows a common alarm: read its panel
        --
        공조기 공통 경보: 패널을 보십시오
        ==
        Cooling unit shows an alarm: read its panel
        --
        공조기 경보: 패널을 보십시오
        ==
        Generator has shut itself down: read its panel
        --
        발전기가 스스로 멈췄습니다: 패널을 보십시오
        ==
        Generator is low on fuel
        --
        발전기 연료가 부족합니다
        ==
        Generator is switched off: it will not start when mains fails
        --
        발전기가 꺼져 있습니다: 정전 때 시동되지 않습니다
        ==
        Generator overheats
        --
        발전기가 과열됩니다
        ==
        Generator runs
        --
        발전기가 돌고 있습니다
        ==
        Inlet air changes by more than 2 K a minute: cooling has failed, or a door stands open
        --
        흡기 온도가 분당 2 K 넘게 변합니다: 냉각이 고장이거나 문이 열려 있습니다
        ==
        Inlet air is hotter than allowed: cooling does not keep up
        --
        흡기가 허용보다 뜨겁습니다: 냉각이 따라가지 못합니다
        ==
        Inlet air is so hot that machines will be damaged
        --
        흡기가 너무 뜨거워 장비가 손상됩니다
        ==
        Inlet air is warmer than recommended: look at the cooling unit and its filter
        --
        흡기가 권장보다 따뜻합니다: 공조기와 필터를 보십시오
        ==
        Inverter reports a fault: read its events
        --
        인버터 고장: 이벤트를 보십시오
        ==
        Nobody knows how warm the inlet air is
        --
        흡기 온도를 알 수 없습니다
        ==
        Normal source is missing at the transfer switch (unverified register)
        --
        절체 스위치에 상용 전원이 없습니다 (검증 안 된 레지스터)
        ==
        Phase sequence is wrong: check the wiring of the meter
        --
        상 순서가 틀렸습니다: 계량기 배선을 점검하십시오
        ==
        Phases L1 and L2 of the feed are loaded unevenly
        --
        L1과 L2 상의 부하가 고르지 않습니다
        ==
        Power supply has failed: replace the module
        --
        전원 공급 장치 고장: 모듈을 바꾸십시오
        ==
        Power supply has no good input: check the feed
        --
        전원 공급 장치 입력 불량: 인입을 점검하십시오
        ==
        Rack PDU has no voltage (unverified register)
        --
        랙 분전반에 전압이 없습니다 (검증 안 된 레지스터)
        ==
        Rack battery discharges: the power shelf has lost its input
        --
        랙 배터리 방전 중: 파워 셸프 입력이 끊겼습니다
        ==
        Rack battery has reached its end of life: replace it
        --
        랙 배터리 수명이 다했습니다: 바꾸십시오
        ==
        Rack battery is nearly empty
        --
        랙 배터리가 거의 비었습니다
        ==
        Rear door exhaust is too warm: check chilled water and fans
        --
        뒷문 배기가 너무 따뜻합니다: 냉수와 팬을 점검하십시오
        ==
        Return air is too warm: cooling does not keep up
        --
        환기가 너무 따뜻합니다: 냉각이 따라가지 못합니다
        ==
        Starter battery is weak: the generator may not start
        --
        시동 배터리가 약합니다: 발전기가 시동되지 않을 수 있습니다
        ==
        Supply air is above the recommended range
        --
        급기가 권장 범위를 넘습니다
        ==
        Supply voltage is below 85 %: check mains, transfer switch and generator
        --
        공급 전압이 85 % 아래입니다: 상용 전원, 절체 스위치, 발전기를 점검하십시오
        ==
        The 24 V battery is nearly empty
        --
        24 V 배터리가 거의 비었습니다
        ==
        The 24 V supply runs on battery
        --
        24 V 전원이 배터리로 돕니다
        ==
        The front door has stood open for ten minutes
        --
        앞문이 십 분째 열려 있습니다
        ==
        UPS battery is nearly empty (unverified register)
        --
        UPS 배터리가 거의 비었습니다 (검증 안 된 레지스터)
        ==
        UPS battery is nearly empty: load will drop soon
        --
        UPS 배터리가 거의 비었습니다: 곧 부하가 끊깁니다
        ==
        UPS battery must be replaced
        --
        UPS 배터리를 바꿔야 합니다
        ==
        UPS battery must be serviced
        --
        UPS 배터리를 정비해야 합니다
        ==
        UPS is overloaded: shed load
        --
        UPS 과부하: 부하를 줄이십시오
        ==
        UPS reports a general alarm: see its panel
        --
        UPS 일반 경보: 패널을 보십시오
        ==
        UPS reports a general fault: see its panel
        --
        UPS 일반 고장: 패널을 보십시오
        ==
        UPS runs on battery: mains is missing or out of range
        --
        UPS가 배터리로 돕니다: 상용 전원이 없거나 범위를 벗어났습니다
        ==
        kept for a while after
        --
        잠시 유지
        ==
        the mains have failed
        --
        상용 전원이 끊겼습니다
        ==
        %1 cannot be read: nobody knows its state
        --
        %1: 읽을 수 없어 상태를 모릅니다
        ==
        nothing on bus %1 answers (%2)
        --
        버스 %1에서 아무것도 응답하지 않습니다 (%2)
        ==
        %1 does not answer
        --
        %1: 응답이 없습니다
        ==
        on battery, and the battery is nearly empty
        --
        배터리로 도는데 배터리가 거의 비었습니다
        ==
        less than five minutes on battery
        --
        배터리로 5분을 못 버팁니다
        ==
        on battery for less than five more minutes
        --
        배터리로 남은 시간이 5분이 안 됩니다
        ==
        all accelerators are hot together: look at the cooling
        --
        모든 가속기가 함께 뜨겁습니다: 냉각을 보십시오
        ==
        accelerator %1 has failed
        --
        가속기 %1이(가) 고장 났습니다
        ==
        accelerator %1 is not there
        --
        가속기 %1이(가) 없습니다
        ==
        accelerator %1 cannot be judged
        --
        가속기 %1을(를) 판단할 수 없습니다
        ==
        accelerator %1 is degraded
        --
        가속기 %1이(가) 저하되었습니다
        ==
        feed %1 draws more than it may
        --
        인입 %1이(가) 허용보다 많이 씁니다
        ==
        feed %1 is over its power target
        --
        인입 %1이(가) 전력 목표를 넘었습니다
        ==
        events cannot be stored and are kept in memory
        --
        이벤트를 저장할 수 없어 메모리에 둡니다
        ==
        the history of the readings cannot be stored
        --
        측정 기록을 저장할 수 없습니다
        ==
        a thread of the agent makes no progress
        --
        에이전트의 스레드가 나아가지 않습니다
        ==
        starting: nothing was read yet
        --
        시작하는 중: 아직 아무것도 읽지 못했습니다
        ==
        acknowledged: %1
        --
        확인: %1
        ==
        %1 is bypassed until %2
        --
        %1: %2까지 우회
        ==
        Front door
        --
        앞문
        ==
        Rear door
        --
        뒷문
        ==
        Motion in the aisle
        --
        통로 움직임
        ==
        Smoke detector
        --
        연기 감지기
        ==
        Water under the racks
        --
        랙 아래 물
        ==
        Tamper loop of the cabinet
        --
        캐비닛 탬퍼 루프
        ==
        Mains failure relay
        --
        정전 릴레이
        ==
        smoke
        --
        연기
        ==
        water where none belongs
        --
        있어서는 안 될 물
        ==
        tampered with
        --
        누가 손을 댔습니다
        ==
        its loop is cut or shorted
        --
        선이 끊기거나 단락되었습니다
        ==
        opened while armed
        --
        경비 중에 열렸습니다
        ==
        somebody moves inside while armed
        --
        경비 중에 안에서 누가 움직입니다
        ==
        the contact is active
        --
        접점이 켜졌습니다
        """#
}
