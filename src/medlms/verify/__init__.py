"""Does every number of a run's report follow from what the run holds? Recomputes all of them and names what does not.

The answers, the rows and the hashes of the manifest are read anew; metrics come from the reference libraries where there are
some; everything else of the report is built again from the predictions and laid beside what is stated.
"""

from __future__ import annotations

from medlms.verify.ledger import Fault, Ledger
from medlms.verify.whole import verify

__all__ = ["Fault", "Ledger", "verify"]
