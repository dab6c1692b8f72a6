// Accelerators: watches the cards through what the kernel shows of them - the PCI bus, sysfs, the kernel
// log - and says how each is, since when, and what to do. Which files and what they mean stands in
// Hardware/accelerators. It must never write to a card unless the guard sent the write, never open a
// device node, and never let one card's driver hold up another card.
