extension CommandTable {
    /// The technicians' commands, family by family, in the order of the overview.
    public static let diagnostics: [Command] = [
        StatusCommands.all,
        PostureCommands.all,
        PowerCommands.all,
        CheckCommands.all,
        SecurityCommands.all,
        AcceleratorCommands.all,
        EventCommands.all,
        HistoryCommands.all,
        AlarmCommands.all,
        ModbusCommands.all,
        UpstreamCommands.all,
        InferCommands.all,
        UserCommands.all,
        FingerprintCommand.all,
        BundleCommand.all,
        ShellCommands.all,
    ].flatMap { $0 }
}
