// The kernel's GPIO character device and libgpiod as the Security room wants them. Functions return
// their result or -errno.
#pragma once
#include "discovery.h"
#include "events.h"
#include "uapi.h"
