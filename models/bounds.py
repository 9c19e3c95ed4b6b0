"""Bounds of settings, checked by msgspec when a configuration is read."""

from typing import Annotated

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
AtLeastZero = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
# Of something of which a part must be left: dropout, the validation period, an average's decay.
ProperFraction = Annotated[float, msgspec.Meta(ge=0, lt=1)]
