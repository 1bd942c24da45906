"""A network by any name that evonas knows it under."""

from dataclasses import dataclass, field

from evonas.errors import ConfigurationError
from evonas.space.architecture import Architecture
from evonas.space.baselines import BASELINES, FOREIGN, load_baseline
from evonas.space.catalogue import load_space
from evonas.space.published import PUBLISHED, load_published
from evonas.space.space import Genotypes, SearchSpace


@dataclass(frozen=True, slots=True)
class Design:
    """One network.

    Attributes:
        name: As it was asked for.
        architecture: The network.
        space: Its space; None for a baseline, which is a point of no space.
        genotype: (n_genes,) canonical; None for a baseline.
    """

    name: str
    architecture: Architecture
    space: SearchSpace | None = None
    genotype: Genotypes | None = field(default=None, compare=False)

    @property
    def arch_id(self) -> str | None:
        """Its identifier; None for a baseline."""
        if self.space is None or self.genotype is None:
            return None
        return self.space.arch_ids(self.genotype[None])[0]

    def genotype_in(self, space: SearchSpace) -> Genotypes:
        """Returns its genotype (n_genes,) in a space that contains its own.

        Raises:
            GenotypeError: The space does not contain it.
            ConfigurationError: It is a point of no space.
        """
        if self.space is None or self.genotype is None:
            raise ConfigurationError(
                f"{space.name} does not contain {self.name}, which is a point of no space"
            )
        if self.space.name == space.name:
            return self.genotype
        translated: Genotypes = self.space.translate(self.genotype[None], space)[0]
        return translated


def resolve(name: str) -> Design:
    """Returns the design of an `arch_id`, a published network or a baseline.

    Raises:
        ConfigurationError: It is none of these, or of an unknown space.
        GenotypeError: Not an `arch_id` of its space.

    >>> resolve("mobiledet-cpu").space.name, resolve("pico:0000000").arch_id
    ('mobiledet@cpu', 'pico:0000000')
    >>> resolve("ssdlite-mobilenet-v2").architecture.blocks[6].width
    320
    """
    if name in PUBLISHED:
        architecture, space = load_published(name), load_space(PUBLISHED[name].space)
        return Design(name, architecture, space, space.encode(architecture))
    if name in BASELINES:
        return Design(name, load_baseline(name))
    if name in FOREIGN:
        raise ConfigurationError(
            f"{name} is {FOREIGN[name].library}'s own network, not of our grammar: it has costs "
            "(`evonas arch list`), but no layers to show or train here"
        )
    space_name, colon, _ = name.partition(":")
    if not colon:
        raise ConfigurationError(
            f"unknown architecture {name!r}: an arch_id is SPACE:DIGITS, for example "
            f"'pico:0000000'; named networks are {', '.join([*PUBLISHED, *BASELINES])}"
        )
    space = load_space(space_name)
    [genotype] = space.genotypes([name])
    return Design(name, space.decode(genotype), space, genotype)
