"""How to cite evonas, from the CITATION.cff that comes with it."""

from pathlib import Path

from evonas.paths import installed


def bibtex(path: Path | None = None) -> str:
    """Returns a BibTeX entry of a citation file, by default our own; empty if it cannot be read."""
    import yaml

    try:
        found = yaml.safe_load((path or installed("CITATION.cff")).read_text())
        authors = " and ".join(
            author.get("name") or f"{author['family-names']}, {author['given-names']}"
            for author in found["authors"]
        )
        fields = {
            "title": f"{{{found['title']}}}",
            "author": f"{{{authors}}}",
            "version": found["version"],
            "license": found["license"],
        }
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return ""
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join(["@software{evonas,", *lines, "}"])
