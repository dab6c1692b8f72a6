internal import HTTP
internal import Platform
internal import Site

/// Prometheus text of the inference plane: ours, and Triton's names for dashboards that exist.
enum MetricsText {
    static func render(_ house: InferenceHouse, withExemplars: Bool = false) -> [UInt8] {
        var writer = ByteWriter(capacity: 16 << 10)
        ours(house, withExemplars, &writer)
        lanes(house, &writer)
        pool(house, &writer)
        triton(house, &writer)
        return writer.bytes
    }

    private static func family(_ name: String, _ type: String, _ help: String, _ writer: inout ByteWriter) {
        writer.append(string: "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n")
    }

    private static func sample(_ name: String, _ labels: String, _ value: Double, _ writer: inout ByteWriter) {
        writer.append(string: labels.isEmpty ? name : "\(name){\(labels)}")
        writer.append(" ")
        writer.append(value)
        writer.append("\n")
    }

    private static func escaped(_ text: String) -> String {
        String(text.map { $0 == "\"" || $0 == "\\" || $0 == "\n" ? "_" : $0 })
    }

    private static func labels(_ model: ServedModel) -> String {
        "model=\"\(escaped(model.name))\",version=\"\(escaped(model.version))\""
    }

    private static func perModel(
        _ name: String, _ type: String, _ help: String, _ house: InferenceHouse, _ writer: inout ByteWriter,
        _ value: (ServedModel) -> Double
    ) {
        family(name, type, help, &writer)
        for model in house.serving { sample(name, labels(model), value(model), &writer) }
    }

    private static func ours(_ house: InferenceHouse, _ withExemplars: Bool, _ writer: inout ByteWriter) {
        family("mdc_inference_ready", "gauge", "1 when every model is served and the posture allows work.", &writer)
        sample("mdc_inference_ready", "", house.isReady ? 1 : 0, &writer)
        perModel("mdc_inference_model_ready", "gauge", "1 when a lane serves the model.", house, &writer) {
            $0.state == .ready ? 1 : 0
        }
        perModel("mdc_inference_queue_length", "gauge", "Requests that wait for a lane.", house, &writer) {
            Double($0.queue.count)
        }
        perModel("mdc_inference_expired_total", "counter", "Requests whose time passed in the queue.", house, &writer) {
            Double($0.statistics.expired)
        }
        perModel("mdc_inference_cancelled_total", "counter", "Requests whose client hung up.", house, &writer) {
            Double($0.statistics.cancelled)
        }
        perModel("mdc_inference_copied_bytes_total", "counter", "Payload bytes moved after reception.", house, &writer)
        {
            Double($0.statistics.copiedBytes)
        }
        family("mdc_inference_body_bytes_total", "counter", "Body bytes, by how they came to their place.", &writer)
        if let counts = house.server?.counts {
            let name = "mdc_inference_body_bytes_total"
            sample(name, "way=\"direct\"", Double(counts.bodyBytesDirect), &writer)
            sample(name, "way=\"copied\"", Double(counts.bodyBytesCopied), &writer)
        }
        family("mdc_inference_refused_total", "counter", "Requests not admitted, by reason.", &writer)
        let refusals: [(String, UInt64)] = [
            ("posture", house.refusals.posture), ("queue", house.refusals.queueFull), ("pool", house.refusals.pool),
            ("requests", house.refusals.requests),
        ]
        for (reason, count) in refusals {
            sample("mdc_inference_refused_total", "reason=\"\(reason)\"", Double(count), &writer)
        }
        latency(house, withExemplars, &writer)
    }

    private static func latency(_ house: InferenceHouse, _ withExemplars: Bool, _ writer: inout ByteWriter) {
        let name = "mdc_inference_latency_seconds"
        family(name, "histogram", "From a request's head to its answer, successes only.", &writer)
        for model in house.serving {
            var sum: UInt64 = 0
            for octave in 0..<26 {
                sum += model.statistics.latency[octave * 2] + model.statistics.latency[octave * 2 + 1]
                // Bucket `octave` holds what took less than 2^(octave+1) microseconds.
                let limit = Double(UInt64(1) << UInt64(octave + 1)) / 1e6
                writer.append(string: "\(name)_bucket{\(labels(model)),le=\"\(limit)\"} ")
                writer.append(Double(sum))
                if withExemplars { model.statistics.exemplars[octave].append(to: &writer) }
                writer.append("\n")
            }
            let all = model.statistics.success
            sample(name + "_bucket", labels(model) + ",le=\"+Inf\"", Double(all.count), &writer)
            sample(name + "_sum", labels(model), Double(all.nanoseconds) / 1e9, &writer)
            sample(name + "_count", labels(model), Double(all.count), &writer)
        }
    }

    private static func lanes(_ house: InferenceHouse, _ writer: inout ByteWriter) {
        let families: [(String, String, String, (Lane) -> Double)] = [
            ("mdc_inference_lane_ready", "gauge", "1 when the lane's engine is loaded.", { $0.isReady ? 1 : 0 }),
            (
                "mdc_inference_lane_inferences_total", "counter", "Rows that the lane computed.",
                { Double($0.inferences) }
            ),
            ("mdc_inference_lane_executions_total", "counter", "Runs of the lane.", { Double($0.executions) }),
            ("mdc_inference_lane_failures_total", "counter", "Runs that failed.", { Double($0.failures) }),
            (
                "mdc_inference_lane_restarts_total", "counter", "Times the lane was started again.",
                { Double($0.restarts) }
            ),
            (
                "mdc_inference_lane_busy_seconds_total", "counter", "Time the lane's engine worked.",
                { Double($0.busyNanoseconds) / 1e9 }
            ),
        ]
        for (name, type, help, value) in families {
            family(name, type, help, &writer)
            for model in house.serving {
                for lane in model.lanes {
                    var text = "model=\"\(escaped(model.name))\",lane=\"\(escaped(lane.plan.name))\""
                    if let accelerator = lane.plan.accelerator { text += ",accelerator=\"\(escaped(accelerator))\"" }
                    sample(name, text, value(lane), &writer)
                }
            }
        }
    }

    private static func pool(_ house: InferenceHouse, _ writer: inout ByteWriter) {
        let families: [(String, String, String, (Pool.ClassStatistics) -> Double)] = [
            ("mdc_inference_pool_slots", "gauge", "Slots of the size class.", { Double($0.count) }),
            ("mdc_inference_pool_leased", "gauge", "Slots leased now.", { Double($0.leased) }),
            ("mdc_inference_pool_leased_max", "gauge", "Most slots leased at once.", { Double($0.leasedMax) }),
            ("mdc_inference_pool_leases_total", "counter", "Leases given.", { Double($0.leases) }),
            ("mdc_inference_pool_exhausted_total", "counter", "Leases that found no slot.", { Double($0.refusals) }),
        ]
        for (name, type, help, value) in families {
            family(name, type, help, &writer)
            for sizeClass in house.pool.classes {
                sample(name, "slot_bytes=\"\(sizeClass.slotBytes)\"", value(sizeClass), &writer)
            }
        }
        family("mdc_inference_rows", "gauge", "Rows of slabs by what they are doing.", &writer)
        for state in LeaseState.allCases {
            sample("mdc_inference_rows", "state=\"\(state)\"", Double(house.pool.states[state.rawValue]), &writer)
        }
    }

    private static func triton(_ house: InferenceHouse, _ writer: inout ByteWriter) {
        let families: [(String, String, (ModelStatistics) -> UInt64)] = [
            ("nv_inference_request_success", "Number of successful inference requests", { $0.success.count }),
            ("nv_inference_request_failure", "Number of failed inference requests", { $0.fail.count }),
            ("nv_inference_count", "Number of inferences performed", { $0.inferences }),
            ("nv_inference_exec_count", "Number of model executions performed", { $0.executions }),
            ("nv_inference_request_duration_us", "Cumulative request duration", { $0.success.nanoseconds / 1000 }),
            ("nv_inference_queue_duration_us", "Cumulative queue duration", { $0.queue.nanoseconds / 1000 }),
            (
                "nv_inference_compute_input_duration_us", "Cumulative input duration",
                { $0.computeInput.nanoseconds / 1000 }
            ),
            (
                "nv_inference_compute_infer_duration_us", "Cumulative inference duration",
                { $0.computeInfer.nanoseconds / 1000 }
            ),
            (
                "nv_inference_compute_output_duration_us", "Cumulative output duration",
                { $0.computeOutput.nanoseconds / 1000 }
            ),
        ]
        for (name, help, value) in families {
            perModel(name, "counter", help, house, &writer) { Double(value($0.statistics)) }
        }
        perModel("nv_inference_pending_request_count", "gauge", "Requests that wait", house, &writer) {
            Double($0.queue.count)
        }
        family("nv_pinned_memory_pool_total_bytes", "gauge", "Bytes of the pool", &writer)
        sample("nv_pinned_memory_pool_total_bytes", "", Double(house.pool.byteCount), &writer)
        family("nv_pinned_memory_pool_used_bytes", "gauge", "Bytes of the pool that are leased", &writer)
        let used = house.pool.classes.reduce(0) { $0 + $1.slotBytes * $1.leased }
        sample("nv_pinned_memory_pool_used_bytes", "", Double(used), &writer)
    }
}
