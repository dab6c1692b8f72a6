internal import Site

extension Shape where Value == String {
    /// The name of a point that some section of the site file puts on the Board.
    static var existingPoint: Shape {
        Shape.pointName.then { name, node, faults in
            faults.whenWhole { _, table, faults in
                guard table.id(of: name) == nil else { return }
                let near = table.definitions.lazy.map(\.name).filter { editDistance($0, name) <= 3 }
                    .min { editDistance($0, name) < editDistance($1, name) }
                faults.report(
                    node.position,
                    "no point is named '\(name)'" + (near.map { "; did you mean '\($0)'?" } ?? ""))
            }
            return name
        }
    }

    /// An alarm of this site; with `*`, at least one.
    static var alarmPattern: Shape {
        .scalar(.string(minLength: 1), expected: "an alarm's id, in which * stands for a part of one word") { text in
            !text.isEmpty
                && text.utf8.allSatisfy {
                    (97...122).contains($0) || (48...57).contains($0) || [45, 46, 42].contains($0)
                }
                ? text : nil
        }
    }
}
