/** NVIDIA GPUs that share a module with a Grace CPU, by the name that the driver gives them. */

/** The counter of a Grace Hopper covers the whole module, CPU and its memory included. */
export const WHOLE_MODULE_COUNTER = /\bGH200\b/;

/** Newer modules, with one GPU or two beside their CPU: nothing published tells what the counters of their GPUs cover. */
export const UNKNOWN_COUNTER = /\b(GB|VR)\d{2,3}\b/;
