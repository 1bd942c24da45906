"""Latency predictors: one network on several devices, and how far each predictor can be trusted."""

import evonas

DEVICES = ("cpu-xnnpack", "ethos-u55-256", "ethos-u85-2048")
# The published networks are points of the space under a device's rules.
NETWORKS = {"mobiledet-edgetpu": "mobiledet@edgetpu", "mobiledet-dsp": "mobiledet@dsp"}

for device in DEVICES:
    for name, space_name in NETWORKS.items():
        space = evonas.load_space(space_name)
        genotype = space.encode(evonas.load_published(name))
        predictor = evonas.load_predictor(device, space)
        [milliseconds] = predictor.predict(genotype[None])
        blocks = " ".join(f"{ms:.2f}" for ms in predictor.by_block(genotype[None])[0])
        error = predictor.accuracy["mape"]
        print(f"{name} on {device}: {milliseconds:.2f} ms (held-out error {error:.1%}), {blocks}")
