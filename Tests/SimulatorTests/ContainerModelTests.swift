import Testing

@testable import Simulator

@Suite struct ContainerModelTests {
    private func container(seed: UInt64 = 7) -> ContainerModel {
        ContainerModel(accelerators: Simulation.usualAccelerators, seed: seed)
    }

    @Test func `the same seed and the same causes give the same container, to the bit`() {
        var one = container()
        var other = container()
        one.advance(by: 100)
        other.advance(by: 100)
        #expect(one.climate.air_C == other.climate.air_C)
        #expect(one.power.bus_W == other.power.bus_W)
        var third = container(seed: 8)
        third.advance(by: 100)
        #expect(one.power.bus_W != third.power.bus_W)
    }

    @Test func `every joule from the sources is in the racks, the losses, the machines or the battery`() {
        var model = container()
        let before = model.power.battery_J
        // An hour with an outage in it: battery, generator, transfer and recharge all happen.
        for minute in 0..<60 {
            model.instructor.mainsOff = (10..<30).contains(minute)
            model.advance(by: 60)
        }
        let books = model.ledger
        let intoBattery = model.power.battery_J - before
        let spent = books.intoRacks_J + books.upsLosses_J + books.intoMachines_J + intoBattery
        #expect(abs(books.fromSources_J - spent) < 1e-6 * books.fromSources_J)
        #expect(books.fromSources_J > 3600 * 1000)
    }

    @Test func `heat that enters the air, the coolant and the water is there until it leaves`() {
        var model = container()
        let held = model.climate.held_J
        let net = model.climate.netHeat_J
        model.instructor.chillerOff = true
        model.advance(by: 1800)
        let gained = model.climate.held_J - held
        #expect(abs(gained - (model.climate.netHeat_J - net)) < 1e-6 * abs(gained) + 10)
        #expect(gained > 0)
    }

    @Test func `without mains and generator the battery drains to nothing and the racks go dark`() {
        var model = container()
        model.instructor.mainsOff = true
        model.instructor.gensetRefusesToStart = true
        var last = model.power.charge
        var minutes = 0
        while model.power.isOutputLive && minutes < 120 {
            model.advance(by: 60)
            #expect(model.power.charge <= last)
            last = model.power.charge
            minutes += 1
        }
        #expect((5..<60).contains(minutes), "held for \(minutes) minutes")
        #expect(model.power.charge < 1e-6)
        #expect(model.power.upsOutput_W == 0)
        #expect(model.accelerators.allSatisfy { $0.power_W == 0 })
    }

    @Test func `after an outage the battery charges to full and no further`() {
        var model = container()
        model.instructor.mainsOff = true
        model.instructor.gensetRefusesToStart = true
        model.advance(by: 300)
        let low = model.power.charge
        model.instructor = Instructor()
        for _ in 0..<240 {
            model.advance(by: 60)
            #expect(model.power.charge <= 1)
        }
        #expect(low < 0.9)
        #expect(model.power.charge > 0.99)
    }

    @Test func `the generator takes the bus within half a minute, and gives it back when mains is good again`() {
        var model = container()
        model.instructor.mainsOff = true
        model.advance(by: 2)
        #expect(model.power.upsMode == .onBattery)
        model.advance(by: 28)
        #expect(model.power.source == .generator)
        #expect(model.power.upsMode == .online)
        #expect(model.power.isBusLive)
        let fuel = model.power.fuel_L
        model.advance(by: 600)
        #expect(model.power.fuel_L < fuel)
        model.instructor.mainsOff = false
        model.advance(by: 20)
        #expect(model.power.source == .mains)
        model.advance(by: 120)
        #expect(model.power.engine == .stopped)
    }

    @Test func `no temperature leaves what is physically possible, whatever fails for hours`() {
        for seed in UInt64(1)...3 {
            var model = container(seed: seed)
            model.instructor.cracOff = seed & 1 == 1
            model.instructor.chillerOff = seed & 2 == 2
            model.instructor.pumpOff = seed == 3
            model.instructor.outdoor_C = 40
            model.accelerators[0].isHot = true
            for _ in 0..<6 {
                model.advance(by: 3600)
                for temperature in [model.climate.air_C, model.climate.coolant_C, model.climate.water_C] {
                    #expect((0...130).contains(temperature), "seed \(seed): \(temperature) C")
                }
                for card in model.accelerators { #expect((0...160).contains(card.temperature_C), "seed \(seed)") }
            }
        }
    }

    @Test func `a healthy container keeps its air and coolant near their set-points for a day`() {
        var model = container()
        for _ in 0..<24 {
            model.advance(by: 3600)
            #expect((18...30).contains(model.climate.air_C), "air \(model.climate.air_C)")
            #expect((26...38).contains(model.climate.coolant_C), "coolant \(model.climate.coolant_C)")
        }
    }

    @Test func `a card whose cooling is blocked heats up, slows down and recovers`() {
        var model = container()
        model.instructor.load = 0.9
        model.advance(by: 120)
        let cool = model.accelerators[2].temperature_C
        model.accelerators[2].isHot = true
        var seconds = 0
        while !model.accelerators[2].isThrottling && seconds < 1200 {
            model.advance(by: 10)
            seconds += 10
        }
        #expect(model.accelerators[2].isThrottling)
        #expect(model.accelerators[2].temperature_C > cool + 15)
        #expect(model.accelerators[2].utilisation <= 0.25)
        model.accelerators[2].isHot = false
        model.advance(by: 300)
        #expect(!model.accelerators[2].isThrottling)
        #expect(abs(model.accelerators[2].temperature_C - cool) < 10)
    }

    @Test func `a card told to be hot passes its layout's limit within half a minute, busy or idle`() {
        for load in [0.02, 0.5, 1] {
            var model = container()
            model.instructor.load = load
            model.advance(by: 120)
            // RNGD shows its hottest spot, 3 K above the chip, and is hot above 80; ATOM above 85.
            model.accelerators[0].isHot = true
            model.accelerators[2].isHot = true
            model.advance(by: 30)
            #expect(model.accelerators[0].temperature_C + 3 > 80, "load \(load)")
            #expect(model.accelerators[2].temperature_C > 85, "load \(load)")
            #expect(model.accelerators[1].temperature_C < 70, "its neighbour is not hot")
        }
    }

    @Test func `a leak empties the loop, and without coolant nothing flows`() {
        var model = container()
        let flow = model.climate.flow_LPM
        model.instructor.leak = true
        model.advance(by: 1800)
        #expect(flow > 20)
        #expect(model.climate.reservoir_L == 0)
        #expect(model.climate.flow_LPM == 0)
    }
}
