internal import Platform
internal import Site

// What the container's posture lets begin, and the words for what it does not.
extension InferenceHouse {
    /// Conserve: as many lanes at once as the watts allow.
    func mayStart(_ lane: Lane) -> Bool {
        if isDrained(lane) { return false }
        guard let allowedWatts else { return true }
        guard let own = lane.plan.watts else { return true }
        var drawn = own
        for model in serving + others {
            for other in model.lanes where other !== lane && other.isBusy { drawn += other.plan.watts ?? 0 }
        }
        return drawn <= allowedWatts
    }

    /// Why none of this model's lanes may start anything for now, although the container allows inference;
    /// who asks would wait for a repair.
    func laneRefusal(_ model: ServedModel) -> RequestFault? {
        if allowedWatts == nil && drained.isEmpty { return nil }
        let ready = model.lanes.filter(\.isReady)
        guard let first = ready.first else { return nil }
        if ready.allSatisfy(isDrained) {
            return RequestFault(
                503, "drain: accelerator \(first.plan.accelerator ?? "") is out of service", retryAfter: 60)
        }
        guard let allowedWatts, ready.allSatisfy({ $0.plan.watts.map { $0 > allowedWatts } ?? false }) else {
            return nil
        }
        return RequestFault(503, "conserve: \(Int(allowedWatts)) W are too few for any lane", retryAfter: 30)
    }

    func refuseWaiting(_ models: [ServedModel]) {
        for model in models where !model.queue.isEmpty {
            guard let refusal = laneRefusal(model) else { continue }
            for request in model.queue.waiting {
                model.queue.remove(request)
                model.finish(request, refusal, now)
            }
        }
    }

    /// Why nothing is admitted now; nil when all is well.
    func postureRefusal() -> RequestFault? {
        let (state, _) = posture.state(at: now, staleAfter: plan.postureStaleAfter, safe: plan.safePosture)
        if state < .drain { return nil }
        refusals.posture += 1
        let why = posture.posture(at: now, staleAfter: plan.postureStaleAfter)?.reason ?? "the site plane is silent"
        // Drain ends by itself, often soon; what stops or seals a container takes a person.
        return RequestFault(503, "\(state.text): \(why)", retryAfter: state == .drain ? 10 : 60)
    }
}
