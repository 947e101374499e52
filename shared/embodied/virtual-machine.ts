/** Whether a host is a virtual machine, by what its firmware calls the product. */

/** As hypervisors and clouds name their machines; a name that is none of these may still be one. */
const PRODUCTS =
  /^(kvm|virtualbox|vmware|virtual machine|standard pc|google compute engine|openstack|hvm domu|bochs|rhel|droplet|firecracker|alibaba cloud ecs|qemu)/i;

/** Instances of EC2 are named by their type; those that end in `metal` are whole hosts. */
const EC2_TYPE = /^[a-z][a-z0-9-]{1,10}\.[a-z0-9-]+$/;

/** @param productName DMI product name; empty where the host does not say */
export function isVirtualMachine(productName: string): boolean {
  return PRODUCTS.test(productName) || (EC2_TYPE.test(productName) && !productName.includes('.metal'));
}
