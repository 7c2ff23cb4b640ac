"""Several processes that make the steps of one run together. It knows blocks and gradients, not what a run is.

A step's blocks are dealt out; each process adds up the gradients of its own and the sums are added over processes, so that
a step is the mean over its learned tokens however many processes there are. Dropout masks hang on rows, not on who reads
them. The first process leads: it says which step comes next, and the others wait for its word.
"""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from medlms import errors
from medlms.errors import CouldNot, MedLMsError, TrainingError
from medlms.train.memory import out_of_memory
from medlms.types import Tokens

Measure = Callable[[Any, Sequence[Tokens]], Tensor]
"""The summed loss of a model over rows."""
STEP, GATHER, END = "step", "gather", "end"
PATIENCE = timedelta(days=365)  # the others wait as long as the first one grades; a launcher ends them when it dies
FILLER = (Tokens("", (0, 0), (False, True)),)  # what a process reads when it only has to keep step


class Alone:
    """One process: all blocks are its own, and there is nobody to ask. Also the interface of ``Team``."""

    index, count, first, sharded = 0, 1, True, False

    def go_on(self, number: int) -> bool:
        """Whether step ``number`` is to be made."""
        return True

    def deal(self, blocks: Sequence[tuple[int, ...]]) -> list[tuple[int, tuple[int, ...]]]:
        """The blocks of a step that this process reads, each with its number in the step."""
        return list(enumerate(blocks))

    def loss(self, measure: Measure, model: Any, rows: Sequence[Tokens]) -> Tensor:
        """``measure(model, rows)``."""
        return measure(model, rows)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What fails in one process inside the block fails in all of them at its end."""
        yield

    def earliest(self, unfit: int | None) -> int | None:
        """The lowest of the blocks that did not fit into memory in any process; None where all fitted."""
        return unfit

    def sum(self, parameters: Sequence[Tensor], total: float) -> float:
        """Add the gradients of all processes, in place, and return the sum of their ``total``."""
        return total

    def clip(self, parameters: Sequence[Tensor], limit: float) -> float:
        """Clip the gradient to a norm of ``limit`` and return its norm before."""
        return float(torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=True))


ALONE = Alone()


class Elsewhere(CouldNot):
    """The run ended in the first process, which says why; this one leaves with the same exit code."""

    def __init__(self, exit_code: int) -> None:
        super().__init__("The run was ended by its first process, which says why.")
        self.exit_code = exit_code


class BlockLoss(nn.Module):
    """A model and how its loss is measured, as one module: what data-parallel wrappers wrap."""

    def __init__(self, model: nn.Module, measure: Measure) -> None:
        super().__init__()
        self.model = model
        self.measure = measure

    def forward(self, rows: Sequence[Tokens] | None) -> Tensor:
        """The summed loss of ``rows``; without any, a 0 that depends on every trainable tensor."""
        if rows is not None:
            return self.measure(self.model, rows)
        ends = [tensor.view(-1)[0].float() for tensor in self.model.parameters() if tensor.requires_grad]
        return torch.stack(ends).sum() * 0


class Team(Alone):
    """The processes that torchrun or ``accelerate launch`` has started, through accelerate.

    ``sharded`` (FSDP2) parts the weights of the model among them; else each holds all of it (DDP).
    """

    def __init__(self, *, sharded: bool = False) -> None:
        from accelerate import Accelerator
        from accelerate.utils import DistributedDataParallelKwargs
        from torch import distributed

        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(),  # unasked, accelerate would take two processes without GPUs for two runs
            mixed_precision="no",  # the config's precision decides
            # A process without a block of its own makes no forward pass, so none may be needed from all to go on.
            kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)],
        )
        self.index, self.count = self.accelerator.process_index, self.accelerator.num_processes
        self.first, self.sharded = self.accelerator.is_main_process, sharded
        # Words go over the CPU: waiting there holds no GPU and runs into none of its time limits.
        self.words = distributed.new_group(backend="gloo", timeout=PATIENCE)
        self.wrapped: Any = None
        self.gather: Callable[[], None] = lambda: None
        self.backend, self.device = distributed.get_backend(), self.accelerator.device.type
        self.ended = False
        self.listening = True  # whether the others stand where they hear a word: not in the middle of a step
        atexit.register(_leave)

    # Words

    def tell(self, word: str, value: Any = None) -> None:
        """Say a word to all others; the first process alone does."""
        self._broadcast([(word, value)])

    def tell_if_heard(self, word: str, value: Any = None) -> None:
        """Say how it ends, where the others stand ready to hear it. Elsewhere a word would wait for ever, so none is said:
        they notice when this process leaves.
        """
        if self.listening:
            with suppress(MedLMsError):  # they may be gone, which then is the error at hand
                self.tell(word, value)

    def hear(self) -> tuple[str, Any]:
        """The next word of the first process, however long it takes."""
        said: list[Any] = [None]
        self._broadcast(said)
        word: tuple[str, Any] = said[0]
        return word

    def wait_until_gone(self) -> None:
        """Return when the first process has left: it says what went wrong, and a launcher ends all when one leaves."""
        try:
            while True:
                self.hear()
        except TrainingError:
            return

    def _broadcast(self, values: list[Any]) -> None:
        from torch import distributed

        with _reaching():
            distributed.broadcast_object_list(values, src=0, group=self.words, device=torch.device("cpu"))

    @contextmanager
    def together(self) -> Iterator[None]:
        """See ``Alone.together``. The first process raises the error, the others ``Elsewhere``."""
        from torch import distributed

        fault: Exception | None = None
        try:
            yield
        except Exception as error:
            if self.sharded and self.wrapped is not None:  # the others are in the middle of the model: nobody listens
                if _is_lost(error):
                    raise _unreachable(error) from None
                raise
            fault = error
        said: list[Any] = [None] * self.count
        with _reaching():
            distributed.all_gather_object(said, fault and _described(fault), group=self.words)
        if not any(said):
            return
        if fault is not None and self.first:
            raise fault
        number = next(index for index, words in enumerate(said) if words)
        if self.first:
            raise _again(said[number], f"process {number} of {self.count}")
        raise Elsewhere(said[number]["exit_code"]) from None

    # Steps

    def go_on(self, number: int) -> bool:
        """The first process says that a step is made; the others hear what is next, and lend a hand."""
        if self.first:
            self.tell(STEP, number)
            self.listening = False
            return True
        while True:
            word, value = self.hear()
            self.ended = word == END
            if word == GATHER:
                self.gather()
                continue
            if word == STEP and value != number:
                raise TrainingError(f"Process {self.index} stands at step {number}, the first one at {value}.")
            return word == STEP

    def wait_for_the_end(self) -> None:
        """After the last step: lend a hand in what the first process still asks for, until it lets this one go."""
        if not self.ended:
            self.go_on(-1)

    def deal(self, blocks: Sequence[tuple[int, ...]]) -> list[tuple[int, tuple[int, ...]]]:
        """Every ``count``-th block. Where weights are sharded, all must read equally many: fillers have no rows."""
        own = [(number, block) for number, block in enumerate(blocks) if number % self.count == self.index]
        most = -(-len(blocks) // self.count)
        return own + [(len(blocks), ())] * ((most - len(own)) if self.sharded else 0)

    def wrap(self, model: nn.Module, measure: Measure) -> None:
        """Hand over the model whose steps are made, to DDP by accelerate or to FSDP2."""
        from medlms.train.sharding import shard

        self.ended = False
        whole = BlockLoss(model, measure)
        with _reaching():
            if self.sharded:
                shard(whole, model, self.accelerator.device, self.count)
            self.wrapped = whole if self.sharded else self._data_parallel(whole)

    def release(self) -> None:
        """Let go of the model, so that what was made for training frees its memory."""
        self.wrapped = None
        self.gather = lambda: None
        self.accelerator.free_memory()

    def _data_parallel(self, module: nn.Module) -> Any:
        with warnings.catch_warnings():  # torch 2.13 has a new name for an option that accelerate says by its old one
            warnings.simplefilter("ignore", FutureWarning)
            return self.accelerator.prepare_model(module)

    def send(self, tensor: Tensor) -> None:
        """Copy a tensor of the first process into the same tensor of the others, in place."""
        from torch import distributed

        with _reaching():
            distributed.broadcast(tensor, src=0)

    def loss(self, measure: Measure, model: Any, rows: Sequence[Tokens]) -> Tensor:
        """The loss of rows, its gradient kept in this process until ``sum``."""
        if self.sharded:
            loss: Tensor = self.wrapped(rows or FILLER)
            return loss if rows else loss * 0
        with self.accelerator.no_sync(self.wrapped):
            loss = self.wrapped(rows)
        return loss

    def earliest(self, unfit: int | None) -> int | None:
        """See ``Alone.earliest``."""
        from torch import distributed

        said: list[int | None] = [None] * self.count
        with _reaching():
            distributed.all_gather_object(said, unfit, group=self.words)
        return min((number for number in said if number is not None), default=None)

    def sum(self, parameters: Sequence[Tensor], total: float) -> float:
        """See ``Alone.sum``. DDP and FSDP give means over processes."""
        with _reaching():
            if not self.sharded:
                self.wrapped(None).backward()
            torch._foreach_mul_([tensor.grad for tensor in parameters if tensor.grad is not None], float(self.count))
            number = torch.tensor([total], dtype=torch.float64, device=self.accelerator.device)
            return float(self.accelerator.reduce(number, "sum"))

    def clip(self, parameters: Sequence[Tensor], limit: float) -> float:
        """See ``Alone.clip``; the norm is that of the whole gradient."""
        norm: Any = torch.nn.utils.clip_grad_norm_(parameters, limit, foreach=True)
        size = float(norm.full_tensor() if self.sharded else norm)
        self.listening = True
        return size


@contextmanager
def _reaching() -> Iterator[None]:
    """A process that is gone, as a sentence."""
    try:
        yield
    except MedLMsError:
        raise
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        raise _unreachable(error) from None


def _unreachable(error: Exception) -> TrainingError:
    return TrainingError(
        f"Another process of this run can't be reached: {(str(error).splitlines() or ['?'])[0][:200]}",
        hint="Look for its own error above. A stopped run goes on with `medlms train --resume RUN`.",
    )


def _is_lost(error: Exception) -> bool:
    """Whether an error comes from the line to another process; gloo has no class of its own for that."""
    from torch.distributed import DistError

    return isinstance(error, DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in ("gloo", "Connection", "NCCL"))
    )


def _described(error: Exception) -> dict[str, Any]:
    kind = type(error).__name__
    if isinstance(error, MedLMsError):
        return {"kind": kind, "text": str(error), "hint": error.hint, "exit_code": error.exit_code}
    return {"kind": "", "text": f"{kind}: {error}", "hint": "", "exit_code": 1}


def _again(words: Mapping[str, Any], where: str) -> MedLMsError:
    """Another process's error, raised here with the place it comes from."""
    kind = getattr(errors, words["kind"], None) if words["kind"] not in ("", "ConfigError") else None
    made: MedLMsError = (kind or CouldNot)(f"{words['text']} (in {where})", hint=words["hint"])
    return made


def _leave() -> None:
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()
