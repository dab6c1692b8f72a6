// ONNX Runtime by dlopen: only slot numbers of its append-only function table are used, no header.
#pragma once
