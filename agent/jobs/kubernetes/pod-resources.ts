/** The kubelet's answer about what its pods were given: `ListPodResourcesResponse` of k8s.io/kubelet podresources v1. */
import { bytesOf, countNumbers, readFields, textOf } from './protobuf.ts';

export interface PodResources {
  readonly namespace: string;
  readonly name: string;
  readonly devices: readonly { readonly resource: string; readonly ids: readonly string[] }[];
  /** CPUs of its own, by the static policy. */
  readonly exclusiveCpus: number;
  /** It was given devices by claims (DRA), which do not stand among `devices`. */
  readonly hasDynamicResources: boolean;
}

/** @throws RangeError where it cannot be read */
export function parsePodResources(message: Uint8Array): PodResources[] {
  // PodResources { name = 1, namespace = 2, containers = 3 }
  return bytesOf(readFields(message), 1).map((podBytes) => {
    const pod = readFields(podBytes);
    // ContainerResources { name = 1, devices = 2, cpu_ids = 3, memory = 4, dynamic_resources = 5 }
    const containers = bytesOf(pod, 3).map(readFields);
    return {
      name: textOf(pod, 1),
      namespace: textOf(pod, 2),
      devices: containers.flatMap((container) =>
        bytesOf(container, 2).map((deviceBytes) => {
          // ContainerDevices { resource_name = 1, device_ids = 2, topology = 3 }
          const device = readFields(deviceBytes);
          const ids = bytesOf(device, 2).map((bytes) => new TextDecoder().decode(bytes));
          return { resource: textOf(device, 1), ids };
        }),
      ),
      exclusiveCpus: containers.reduce((sum, container) => sum + countNumbers(container, 3), 0),
      hasDynamicResources: containers.some((container) => bytesOf(container, 5).length > 0),
    };
  });
}
