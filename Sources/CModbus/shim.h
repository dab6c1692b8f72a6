#pragma once
#include <errno.h>
#include <modbus.h>

// errno is read in the frame of the failing call: Swift code may run between the two.
static inline int cm_connect(modbus_t *context) { return modbus_connect(context) == -1 ? -errno : 0; }
static inline int cm_set_rs485(modbus_t *context) {
    return modbus_rtu_set_serial_mode(context, MODBUS_RTU_RS485) == -1 ? -errno : 0;
}
