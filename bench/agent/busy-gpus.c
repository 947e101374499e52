/*
 * A stand-in for libnvidia-ml.so.1 with eight busy H100s: counters and powers move with the clock, each call takes as long
 * as a driver's does. DELAY_NANOSECONDS per figure that a GPU is asked for: the calls of a real driver take some 20 to 200
 * microseconds, most of it waiting for the GPU.
 */
#define _POSIX_C_SOURCE 199309L
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SUCCESS = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7, GPUS = 8 };
enum { UNSIGNED_INT = 1, UNSIGNED_LONG_LONG = 3 };

typedef struct {
  unsigned int id, scope;
  long long timestamp, latency;
  unsigned int type;
  int code;
  union {
    unsigned int u32;
    unsigned long long u64;
  } value;
} field;

static char handles[GPUS];

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void ask_gpu(int figures) {
  struct timespec delay = {0, figures * DELAY_NANOSECONDS};
  nanosleep(&delay, NULL);
}

static int index_of(const char *device) { return (int)(device - handles); }

/* Around 640 W with the swing of training steps (seconds) and of a slow drift: milliwatts. */
static unsigned int power_of(const char *device) {
  double t = now() + index_of(device);
  return (unsigned int)(640000 + 40000 * sin(t / 1.7) + 15000 * sin(t * 11.3) + 5000 * sin(t / 600));
}

/* The integral of the mean power, the swings average out: millijoules. */
static unsigned long long energy(void) { return (unsigned long long)(now() * 640000); }

int nvmlInit_v2(void) { return SUCCESS; }
int nvmlShutdown(void) { return SUCCESS; }

int nvmlSystemGetDriverVersion(char *version, unsigned int length) {
  snprintf(version, length, "550.54.15");
  return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
  *count = GPUS;
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  *device = &handles[index];
  return SUCCESS;
}

int nvmlDeviceGetUUID(const char *device, char *uuid, unsigned int length) {
  snprintf(uuid, length, "GPU-00000000-0000-4000-8000-00000000000%d", index_of(device));
  return SUCCESS;
}

int nvmlDeviceGetName(const char *device, char *name, unsigned int length) {
  (void)device;
  snprintf(name, length, "NVIDIA H100 80GB HBM3");
  return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(const char *device, unsigned long long *millijoules) {
  (void)device;
  ask_gpu(1);
  *millijoules = energy();
  return SUCCESS;
}

int nvmlDeviceGetPowerUsage(const char *device, unsigned int *power) {
  ask_gpu(1);
  *power = power_of(device);
  return SUCCESS;
}

int nvmlDeviceGetFieldValues(const char *device, int count, field *fields) {
  int i;
  ask_gpu(count);
  for (i = 0; i < count; i++) {
    fields[i].code = SUCCESS;
    if (fields[i].scope == 0 && fields[i].id == 83) {
      fields[i].type = UNSIGNED_LONG_LONG;
      fields[i].value.u64 = energy();
    } else if (fields[i].scope == 0 && (fields[i].id == 185 || fields[i].id == 186)) {
      fields[i].type = UNSIGNED_INT;
      fields[i].value.u32 = power_of(device);
    } else {
      fields[i].code = NOT_SUPPORTED;
    }
  }
  return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(const char *device, unsigned int *rates) {
  (void)device;
  ask_gpu(1);
  rates[0] = 97;
  rates[1] = 60;
  return SUCCESS;
}

int nvmlDeviceGetMigMode(const char *device, unsigned int *current, unsigned int *pending) {
  (void)device;
  ask_gpu(1);
  *current = *pending = 0;
  return SUCCESS;
}

typedef struct {
  unsigned int pid;
  unsigned long long memory;
  unsigned int gpu_instance, compute_instance;
} process;

int nvmlDeviceGetComputeRunningProcesses_v3(const char *device, unsigned int *count, process *infos) {
  unsigned int room = *count;
  ask_gpu(1);
  *count = 1;
  if (room < 1) return INSUFFICIENT_SIZE;
  infos[0].pid = 4000 + (unsigned int)index_of(device);
  return SUCCESS;
}
