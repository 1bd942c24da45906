"""From a device to its source."""

from evonas.errors import ConfigurationError
from evonas.latency.campaigns.campaign import reference_architecture
from evonas.latency.devices import Device
from evonas.latency.sources.analytic import AnalyticSource
from evonas.latency.sources.ethos import EthosSource
from evonas.latency.sources.measurement import Source
from evonas.latency.sources.runtimes import RuntimeSource
from evonas.space import SearchSpace


def open_source(device: Device, space: SearchSpace) -> Source:
    """Returns what can measure networks of the space on the device, here and now.

    Raises:
        ConfigurationError: The device's figures come from elsewhere.
        MissingPackageError: Its runtime or compiler is not installed.
    """
    if device.npu is not None:
        return EthosSource(device)
    if device.source == "analytic":
        return AnalyticSource(device)
    if device.source == "measured":
        return RuntimeSource(device, reference_architecture(space))
    raise ConfigurationError(
        f"device {device.name!r} is {device.source}: evonas cannot measure on it; "
        f"devices that it can reach have a runtime or a compiler"
    )
