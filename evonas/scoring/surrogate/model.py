"""`Surrogate`: features to trained AP with an uncertainty, and its file."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evonas.arrays import Floats
from evonas.errors import ConfigurationError, SchemaError
from evonas.files import write_atomically
from evonas.limits import parse_json
from evonas.npz import read_npz
from evonas.scoring.surrogate.features import feature_names, surrogate_features
from evonas.scoring.surrogate.fitted_arrays import check_fitted
from evonas.scoring.surrogate.forest import Boosted, Forest
from evonas.scoring.surrogate.gaussian_process import GaussianProcess
from evonas.space import Genotypes, SearchSpace

MODELS: dict[str, type[GaussianProcess] | type[Forest]] = {
    "gaussian-process": GaussianProcess,
    "forest": Forest,
    "boosted": Boosted,
}
_VERSION = 1
SCORES = "scores_of"  # in the card: file and checksum of `Surrogate.scores`
_AT_ONCE = 4096  # networks, so that the memory a model takes is bounded


@dataclass(frozen=True, slots=True, eq=False)
class Surrogate:
    """A fitted surrogate.

    Attributes:
        space: The genotypes' space.
        kind: Name of the model's class in `MODELS`.
        model: Works on standardised features and values.
        centre: (f + 1,) means of the features and, last, of AP.
        scale: (f + 1,) their standard deviations.
        uses_supernet: Whether the last feature is the supernet's score.
        card: What it was fitted on, and its cross-validated errors.
        scores: Gives the supernet's scores where none are handed over; it stands beside the file.
    """

    space: SearchSpace
    kind: str
    model: GaussianProcess | Forest
    centre: Floats
    scale: Floats
    uses_supernet: bool
    card: dict[str, Any]
    scores: "Surrogate | None" = None

    @property
    def errors(self) -> dict[str, float]:
        """Errors on networks that it had not seen: held out of the fit, or cross-validated."""
        validated = self.card.get("cross_validation", {})
        errors: dict[str, float] = self.card.get("held_out") or validated.get(self.kind, {})
        return errors

    @property
    def source(self) -> str:
        """What its values stand in for."""
        return str(self.card.get("source", "surrogate of trained AP"))

    def predict(
        self, genotypes: Genotypes, supernet: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Returns AP and its standard deviation, (n,) each.

        Args:
            genotypes: (n, n_genes).
            supernet: (n,) AP by the supernet, if the surrogate uses it and has no `scores`.

        Raises:
            ConfigurationError: The surrogate uses the supernet's scores and has none.
        """
        if self.uses_supernet and supernet is None and self.scores is not None:
            supernet = self.scores.predict(genotypes)[0]
        if self.uses_supernet and supernet is None:
            raise ConfigurationError("this surrogate needs the supernet's scores")
        x = features(self.space, genotypes, supernet if self.uses_supernet else None)
        standard = (x - self.centre[:-1]) / self.scale[:-1]
        parts = np.array_split(standard, -(-len(x) // _AT_ONCE) or 1)
        mean, std = np.concatenate([self.model.predict(part) for part in parts], axis=1)
        return mean * self.scale[-1] + self.centre[-1], std * self.scale[-1]


def features(space: SearchSpace, genotypes: Genotypes, supernet: Floats | None) -> Floats:
    """Returns (n, f) features, the supernet's score last if there is one."""
    columns = [surrogate_features(space, genotypes)]
    return np.column_stack(columns if supernet is None else [*columns, supernet])


def save_surrogate(path: Path, surrogate: Surrogate) -> None:
    """Writes a surrogate as `.npz`."""
    card = {
        "version": _VERSION,
        "space": surrogate.space.name,
        "fingerprint": surrogate.space.fingerprint,
        "kind": surrogate.kind,
        "uses_supernet": surrogate.uses_supernet,
        **surrogate.card,
    }
    arrays = {f"model_{name}": values for name, values in surrogate.model.arrays().items()}
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        card=np.array(json.dumps(card)),
        centre=surrogate.centre,
        scale=surrogate.scale,
        **arrays,  # type: ignore[arg-type]
    )
    write_atomically(path, buffer.getbuffer())


def load_surrogate(path: Path | str, space: SearchSpace) -> Surrogate:
    """Reads a surrogate for a space.

    Raises:
        SchemaError: The file is missing, damaged, of a newer version or of another space.
    """
    path = Path(path)
    try:
        arrays = read_npz(path)
        card = parse_json(str(arrays.pop("card")), f"{path}: its card", SchemaError)
        version, kind = card.pop("version"), card.pop("kind")
        fitted = {
            name.removeprefix("model_"): values
            for name, values in arrays.items()
            if name.startswith("model_")
        }
        of_space, fingerprint = card.pop("space"), card.pop("fingerprint")
        if version > _VERSION:
            raise SchemaError(f"{path}: version {version}; this evonas reads {_VERSION}")
        if (of_space, fingerprint) != (space.name, space.fingerprint):
            raise SchemaError(f"{path}: fitted for {of_space!r}, not for this {space.name!r}")
        uses_supernet = bool(card.pop("uses_supernet"))
        check_fitted(arrays, len(feature_names(space)) + uses_supernet)
        model = MODELS[kind](**fitted)
        centre, scale = arrays["centre"], arrays["scale"]
        scores = _scores(path, space, card[SCORES]) if SCORES in card else None
    except FileNotFoundError as error:
        raise SchemaError(f"{path}: no such file; fit one with `evonas supernet fit`") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SchemaError(f"{path}: not a surrogate ({error})") from error
    return Surrogate(space, kind, model, centre, scale, uses_supernet, card, scores)


def _scores(path: Path, space: SearchSpace, wanted: dict[str, str]) -> Surrogate:
    """Returns the surrogate that gives a surrogate's supernet scores, from beside it."""
    beside = path.with_name(wanted["file"])
    found = checksum(beside) if beside.exists() else "not there"
    if found != wanted["checksum"]:
        raise SchemaError(
            f"{path}: fitted with scores of {beside.name} {wanted['checksum']}, which is {found}; "
            "fit it again with `evonas supernet fit`"
        )
    return load_surrogate(beside, space)


def checksum(path: Path) -> str:
    """Returns the hash by which a surrogate's scores name it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
