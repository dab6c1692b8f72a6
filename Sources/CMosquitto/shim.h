#pragma once
#include <errno.h>
#include <mosquitto.h>
#include <stddef.h>

// errno is read in the frame of the failing call: Swift code may run between the two otherwise.
static inline int cm_connect(struct mosquitto *handle, const char *host, int port, int keepalive_s, int *error) {
    errno = 0;
    int result = mosquitto_connect_async(handle, host, port, keepalive_s);
    *error = result == MOSQ_ERR_ERRNO ? errno : 0;
    return result;
}
static inline int cm_read(struct mosquitto *handle, int *error) {
    errno = 0;
    int result = mosquitto_loop_read(handle, 1);
    *error = result == MOSQ_ERR_ERRNO ? errno : 0;
    return result;
}
static inline int cm_write(struct mosquitto *handle, int *error) {
    errno = 0;
    int result = mosquitto_loop_write(handle, 1);
    *error = result == MOSQ_ERR_ERRNO ? errno : 0;
    return result;
}
