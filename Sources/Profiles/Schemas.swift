internal import Site

/// The JSON Schemas of our files, described by the very shapes that read them. Checked in under
/// Hardware/schema for editors; a test holds the two together.
public enum Schemas {
    public static var all: [(file: String, text: String)] {
        let library = HardwareLibrary(folder: "")
        return [
            ("accelerator.json", Schema.document(title: "An accelerator layout", Shape.acceleratorLayout("").schema)),
            ("equipment.json", Schema.document(title: "A register map", Shape.equipment(name: "").schema)),
            ("site.json", Schema.document(title: "A container's site file", Shape.site(library).schema)),
            ("wiring.json", Schema.document(title: "A wiring of security inputs", Shape.wiring("").schema)),
        ]
    }
}
