// Accelerators: Finds cards on the PCI bus and watches their health through sysfs. It must never
// write to a card, wake it, or take silence for health.
