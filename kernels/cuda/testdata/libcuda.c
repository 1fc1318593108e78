// A stand-in for NVIDIA's libcuda.so.1 with the ABI of its first calls. Each
// test compiles it with the behaviour it needs:
//
//	-DINIT=100          what cuInit returns
//	-DVERSION=10020     what cuDriverGetVersion gives
//	-DDEVICES=1         how many devices it lists
//	-DNAMELESS          it does not know its own error numbers
//	-DWITHOUT_NAME      it lacks cuDeviceGetName
//	-DDEVICE=101        what cuDeviceGet returns

#include <string.h>

#ifndef INIT
#define INIT 0
#endif
#ifndef VERSION
#define VERSION 10020
#endif
#ifndef DEVICES
#define DEVICES 1
#endif
#ifndef DEVICE
#define DEVICE 0
#endif

enum { success = 0, invalid_value = 1, not_initialized = 3 };

static int initialised;

int cuInit(unsigned flags) {
	if (flags != 0)
		return invalid_value;
	initialised = INIT == success;
	return INIT;
}

int cuGetErrorName(int error, const char **name) {
#ifdef NAMELESS
	*name = 0;
	return invalid_value;
#endif
	*name = error == 100 ? "CUDA_ERROR_NO_DEVICE" : "CUDA_ERROR_INVALID_DEVICE";
	return success;
}

int cuGetErrorString(int error, const char **words) {
	*words = error == 100 ? "no CUDA-capable device is detected" : "invalid device ordinal";
	return success;
}

int cuDriverGetVersion(int *version) {
	*version = VERSION;
	return success;
}

int cuDeviceGetCount(int *count) {
	if (!initialised)
		return not_initialized;
	*count = DEVICES;
	return success;
}

int cuDeviceGet(int *device, int ordinal) {
	*device = 40 + ordinal; // a handle, not the ordinal
	return DEVICE;
}

#ifndef WITHOUT_NAME
int cuDeviceGetName(char *name, int size, int device) {
	if (device < 40)
		return invalid_value;
	memset(name, 'x', size); // a driver may leave anything behind the NUL, or omit it
	if (device == 40)
		strcpy(name, "NVIDIA Tegra X1");
	return success;
}
#endif

int cuDeviceGetAttribute(int *value, int attribute, int device) {
	*value = attribute == 75 ? 5 : attribute == 76 ? 3 : -1;
	return device < 40;
}
