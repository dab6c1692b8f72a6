// Status: Renders one snapshot for everyone who asks: status document, metrics, Redfish, page. It
// must never ask a device.
