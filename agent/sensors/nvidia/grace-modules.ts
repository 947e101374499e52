/** NVIDIA GPUs that share a module with a Grace CPU, by the name that the driver gives them. */

/** The counter of a Grace Hopper covers the whole module, CPU and its memory included. */
export const WHOLE_MODULE_COUNTER = /\bGH200\b/;

/** Two GPUs share a Grace Blackwell module; what their counters cover is not known. */
export const UNKNOWN_COUNTER = /\bGB[23]00\b/;
