/* A CUDA driver without a GPU: calls succeed, kernels do nothing, memory is that of the host.

   It lets the calls of numba-cuda, cuda.core and our own be made for real, and writes those that
   have an effect to the file STUB_LOG, one to a line. STUB_MOST is the most bytes of one allocation.
   Functions that are not here succeed and do nothing. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void *P;
enum { OUT_OF_MEMORY = 2, INVALID_CONTEXT = 201, UNSUPPORTED_IN_CAPTURE = 900 };

static void note(const char *format, ...) {
    const char *path = getenv("STUB_LOG");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    va_list values;
    va_start(values, format);
    vfprintf(file, format, values);
    va_end(values);
    fputc('\n', file);
    fclose(file);
}

static P fresh(void) {
    static uintptr_t last = 0x20000;
    return (P)__sync_add_and_fetch(&last, 16);
}

/* The device and its context */

static P const CONTEXT = (P)0x1000;
static __thread P contexts[64];
static __thread int depth = 0;

int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { return *version = 13040, 0; }
int cuDeviceGetCount(int *count) { return *count = 1, 0; }
int cuDeviceGet(int *device, int ordinal) { return *device = ordinal, 0; }
int cuDeviceGetName(char *name, int length, int device) {
    return strncpy(name, "Stub", length), 0;
}
int cuDeviceGetUuid_v2(char *uuid, int device) { return memset(uuid, 7, 16), 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = 80000000000ul, 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    switch (attribute) {
        case 1: *value = 1024; break; /* threads of a block */
        case 75: *value = 9; break;   /* compute capability 9.0 */
        case 76: *value = 0; break;
        default: *value = 1;
    }
    return 0;
}
int cuDevicePrimaryCtxRetain(P *context, int device) { return *context = CONTEXT, 0; }
int cuCtxGetCurrent(P *context) { return *context = depth ? contexts[depth - 1] : NULL, 0; }
int cuCtxSetCurrent(P context) {
    if (!depth) depth = 1;
    return contexts[depth - 1] = context, 0;
}
int cuCtxPushCurrent_v2(P context) { return contexts[depth++] = context, 0; }
int cuCtxPopCurrent_v2(P *context) {
    if (!depth) return INVALID_CONTEXT;
    P top = contexts[--depth];
    if (context) *context = top;
    return 0;
}
int cuCtxGetDevice(int *device) { return *device = 0, depth ? 0 : INVALID_CONTEXT; }
int cuStreamGetCtx(P stream, P *context) { return *context = CONTEXT, 0; }
int cuPointerGetAttribute(int *value, int attribute, P pointer) { return *value = 0, 0; }

/* Memory */

static __thread P capturing = NULL;
static __thread int captured = 0;

static int allocate(P *pointer, size_t size) {
    const char *most = getenv("STUB_MOST");
    if (most && size > strtoull(most, NULL, 10)) return OUT_OF_MEMORY;
    return *pointer = malloc(size), 0;
}

int cuMemGetInfo_v2(size_t *free, size_t *total) {
    return *free = 70000000000ul, *total = 80000000000ul, 0;
}
int cuMemAlloc_v2(P *pointer, size_t size) { return allocate(pointer, size); }
int cuMemFree_v2(P pointer) { return note("free %p", pointer), free(pointer), 0; }
int cuMemPoolCreate(P *pool, int *wanted) {
    return note("pool of device %d", wanted[3]), *pool = fresh(), 0;
}
int cuMemPoolSetAttribute(P pool, int attribute, uint64_t *value) {
    return note("pool keeps %lu", *value), 0;
}
int cuMemPoolTrimTo(P pool, size_t size) { return note("pool keeps nothing"), 0; }
int cuMemAllocFromPoolAsync(P *pointer, size_t size, P pool, P stream) {
    if (capturing && stream == capturing) return UNSUPPORTED_IN_CAPTURE;
    int code = allocate(pointer, size);
    if (!code) note("take %zu %p on %p", size, *pointer, stream);
    return code;
}
int cuMemFreeAsync(P pointer, P stream) {
    return note("give %p on %p", pointer, stream), free(pointer), 0;
}
int cuMemcpyHtoD_v2(P target, P source, size_t size) { return memcpy(target, source, size), 0; }
int cuMemcpyDtoH_v2(P target, P source, size_t size) { return memcpy(target, source, size), 0; }
int cuMemcpyHtoDAsync_v2(P target, P source, size_t size, P stream) {
    return memcpy(target, source, size), note("upload %zu on %p", size, stream), 0;
}
int cuMemcpyDtoHAsync_v2(P target, P source, size_t size, P stream) {
    return memcpy(target, source, size), note("download %zu on %p", size, stream), 0;
}
int cuMemcpyDtoDAsync_v2(P target, P source, size_t size, P stream) {
    return memcpy(target, source, size), note("copy %zu on %p", size, stream), 0;
}

/* Streams, events, graphs */

int cuStreamCreate(P *stream, unsigned flags) { return *stream = fresh(), 0; }
int cuStreamSynchronize(P stream) { return note("synchronize %p", stream), 0; }
int cuStreamWaitEvent(P stream, P event, unsigned flags) {
    return note("%p waits for event %p", stream, event), 0;
}
int cuStreamIsCapturing(P stream, int *status) {
    return *status = capturing && stream == capturing, 0;
}
int cuStreamBeginCapture_v2(P stream, int mode) {
    if (capturing) return UNSUPPORTED_IN_CAPTURE;
    return capturing = stream, captured = 0, note("begin"), 0;
}
int cuStreamEndCapture(P stream, P *graph) {
    if (stream != capturing) return UNSUPPORTED_IN_CAPTURE;
    return capturing = NULL, *graph = fresh(), note("end of %d launches", captured), 0;
}
int cuEventCreate(P *event, unsigned flags) { return *event = fresh(), 0; }
int cuEventRecord(P event, P stream) { return note("event %p on %p", event, stream), 0; }
int cuEventSynchronize(P event) { return note("synchronize event %p", event), 0; }
int cuEventDestroy_v2(P event) { return note("destroy event %p", event), 0; }
int cuGraphInstantiateWithFlags(P *executable, P graph, unsigned long long flags) {
    return *executable = fresh(), 0;
}
int cuGraphLaunch(P executable, P stream) { return note("graph on %p", stream), 0; }
int cuGraphExecDestroy(P executable) { return note("destroy graph"), 0; }

/* Kernels */

int cuLibraryLoadData(P *library, P code, P a, P b, unsigned c, P d, P e, unsigned f) {
    return *library = fresh(), 0;
}
int cuLibraryGetKernel(P *kernel, P library, const char *name) { return *kernel = fresh(), 0; }
int cuKernelGetFunction(P *function, P kernel) { return *function = kernel, 0; }
int cuKernelGetAttribute(int *value, int attribute, P kernel, int device) {
    return *value = 1, 0;
}
int cuLaunchKernelEx(const unsigned *configuration, P function, P *arguments, P *extra) {
    P stream = *(P *)(configuration + 8); /* behind grid, block, and bytes of shared memory */
    if (capturing && stream == capturing) return captured++, 0;
    return note("launch on %p", stream), 0;
}

/* How all of this is found */

int cuGetErrorString(int code, const char **words) { return *words = "no luck", 0; }
static int nothing(void) { return 0; }

int cuGetProcAddress_v2(const char *name, P *found, int version, uint64_t flags, int *status) {
    static P self = NULL;
    if (!self) {
        Dl_info own;
        dladdr((P)cuInit, &own);
        self = dlopen(own.dli_fname, RTLD_NOW);
    }
    const char *endings[] = {"_v2", "", "WithFlags"};
    *found = NULL;
    for (int i = 0; i < 3 && !*found; i++) {
        char full[200];
        snprintf(full, sizeof full, "%s%s", name, endings[i]);
        *found = dlsym(self, full);
    }
    if (!*found) *found = (P)nothing;
    if (status) *status = 0;
    return 0;
}
