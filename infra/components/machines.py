"""The virtual machines: network interface, system disk, and a data disk for those that keep data."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native.compute as compute
import pulumi_azure_native.network as network

from infra.components.component import Component
from infra.components.credentials import HostKey
from infra.components.customdata import FirstBoot, custom_data
from infra.components.deployment import Deployment
from infra.stack.topology import HostSpec
from landscape.names import DATA_DISK_LUN


@dataclass(frozen=True)
class MachineProps:
    deployment: Deployment
    resource_group: pulumi.Output[str]
    host: HostSpec
    subnet_id: pulumi.Output[str]
    identity_id: pulumi.Output[str]
    host_key: HostKey
    inbound_nat_rule_id: pulumi.Output[str] | None
    """The load balancer's rule that forwards to this host, if there is one."""


class Machine(Component):
    """Declares one host."""

    def __init__(self, name: str, props: MachineProps) -> None:
        super().__init__(name)
        self._name = name
        self._props = props
        self._names = props.deployment.names
        self._tags = {**props.deployment.tags, "role": "+".join(props.host.roles)}
        interface = self._declare_network_interface()
        data_disk = self._declare_data_disk(props.host.data_disk_gb) if props.host.data_disk_gb else None
        self._declare_virtual_machine(interface, data_disk)
        self.register_outputs({})

    def _declare_network_interface(self) -> network.NetworkInterface:
        rule = self._props.inbound_nat_rule_id
        return network.NetworkInterface(
            self._names.network_interface(self._name),
            network_interface_name=self._names.network_interface(self._name),
            resource_group_name=self._props.resource_group,
            location=self._props.deployment.location,
            ip_configurations=[
                network.NetworkInterfaceIPConfigurationArgs(
                    name="primary",
                    primary=True,
                    private_ip_address=str(self._props.host.address),
                    private_ip_allocation_method=network.IPAllocationMethod.STATIC,
                    subnet=network.SubnetArgs(id=self._props.subnet_id),
                    load_balancer_inbound_nat_rules=None if rule is None else [network.InboundNatRuleArgs(id=rule)],
                )
            ],
            tags=self._tags,
            opts=self.below(),
        )

    def _declare_data_disk(self, size_gb: int) -> compute.Disk:
        """A resource of its own, so that the data stays when the machine is replaced."""
        return compute.Disk(
            self._names.data_disk(self._name),
            disk_name=self._names.data_disk(self._name),
            resource_group_name=self._props.resource_group,
            location=self._props.deployment.location,
            zones=[self._props.host.zone],
            sku=compute.DiskSkuArgs(name=compute.DiskStorageAccountTypes.PREMIUM_LRS),
            creation_data=compute.CreationDataArgs(create_option=compute.DiskCreateOption.EMPTY),
            disk_size_gb=size_gb,
            network_access_policy=compute.NetworkAccessPolicy.DENY_ALL,
            public_network_access=compute.PublicNetworkAccess.DISABLED,
            tags=self._tags,
            opts=self.below(protect=self._props.deployment.topology.protect),
        )

    def _declare_virtual_machine(self, interface: network.NetworkInterface, data_disk: compute.Disk | None) -> None:
        compute.VirtualMachine(
            self._names.machine(self._name),
            vm_name=self._names.machine(self._name),
            resource_group_name=self._props.resource_group,
            location=self._props.deployment.location,
            zones=[self._props.host.zone],
            hardware_profile=compute.HardwareProfileArgs(vm_size=self._props.host.size),
            identity=compute.VirtualMachineIdentityArgs(
                type=compute.ResourceIdentityType.USER_ASSIGNED, user_assigned_identities=[self._props.identity_id]
            ),
            os_profile=self._os_profile(),
            storage_profile=self._storage_profile(data_disk),
            network_profile=compute.NetworkProfileArgs(
                network_interfaces=[
                    compute.NetworkInterfaceReferenceArgs(
                        id=interface.id, primary=True, delete_option=compute.DeleteOptions.DETACH
                    )
                ]
            ),
            security_profile=compute.SecurityProfileArgs(
                security_type=compute.SecurityTypes.TRUSTED_LAUNCH,
                uefi_settings=compute.UefiSettingsArgs(secure_boot_enabled=True, v_tpm_enabled=True),
            ),
            # The serial console's log: the last resort when a host does not come up.
            diagnostics_profile=compute.DiagnosticsProfileArgs(
                boot_diagnostics=compute.BootDiagnosticsArgs(enabled=True)
            ),
            tags=self._tags,
            opts=self.below(),
        )

    def _os_profile(self) -> compute.OSProfileArgs:
        administrator = self._props.deployment.topology.administrator
        keys = self._props.deployment.files.administrator_keys()
        return compute.OSProfileArgs(
            computer_name=self._name,
            admin_username=administrator.user,
            custom_data=self._custom_data(keys),
            linux_configuration=compute.LinuxConfigurationArgs(
                disable_password_authentication=True,
                provision_vm_agent=True,
                ssh=compute.SshConfigurationArgs(
                    public_keys=[
                        compute.SshPublicKeyArgs(path=f"/home/{administrator.user}/.ssh/authorized_keys", key_data=key)
                        for key in keys
                    ]
                ),
                patch_settings=compute.LinuxPatchSettingsArgs(
                    # Left to unattended-upgrades, which hosts/ sets up.
                    patch_mode=compute.LinuxVMGuestPatchMode.IMAGE_DEFAULT,
                    assessment_mode=compute.LinuxPatchAssessmentMode.IMAGE_DEFAULT,
                ),
            ),
        )

    def _custom_data(self, administrator_keys: list[str]) -> pulumi.Output[str]:
        topology, files = self._props.deployment.topology, self._props.deployment.files
        authorities = files.authorities()

        def encoded(keys: list[str]) -> str:
            private, public = keys
            return custom_data(
                FirstBoot(
                    host=self._name,
                    domain=topology.internal_domain,
                    user=topology.administrator.user,
                    administrator_keys=administrator_keys,
                    host_private_key=private,
                    host_public_key=public,
                    trusted_authorities=authorities,
                )
            )

        pair = pulumi.Output.all(self._props.host_key.private_key, self._props.host_key.public_key)
        return pulumi.Output.secret(pair.apply(encoded))

    def _storage_profile(self, data_disk: compute.Disk | None) -> compute.StorageProfileArgs:
        image = self._props.deployment.topology.image
        return compute.StorageProfileArgs(
            image_reference=compute.ImageReferenceArgs(
                publisher=image.publisher, offer=image.offer, sku=image.sku, version=image.version
            ),
            os_disk=compute.OSDiskArgs(
                name=self._names.system_disk(self._name),
                create_option=compute.DiskCreateOptionTypes.FROM_IMAGE,
                caching=compute.CachingTypes.READ_WRITE,
                delete_option=compute.DiskDeleteOptionTypes.DELETE,
                managed_disk=compute.ManagedDiskParametersArgs(
                    storage_account_type=compute.StorageAccountTypes.PREMIUM_LRS
                ),
            ),
            data_disks=None
            if data_disk is None
            else [
                compute.DataDiskArgs(
                    lun=DATA_DISK_LUN,
                    name=self._names.data_disk(self._name),
                    create_option=compute.DiskCreateOptionTypes.ATTACH,
                    delete_option=compute.DiskDeleteOptionTypes.DETACH,
                    caching=compute.CachingTypes.NONE,
                    managed_disk=compute.ManagedDiskParametersArgs(id=data_disk.id),
                )
            ],
        )
