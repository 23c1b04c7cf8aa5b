"""Arrays come back as they were, whatever their memory layout; damage is noticed."""

import numpy as np
import pytest

from dashboard.runs.blob import pack, unpack

BASE = np.arange(24, dtype=np.float32).reshape(4, 6)
ARRAYS = {
    "plain": BASE,
    "transposed": BASE.T,
    "strided": BASE[::2, 1::2],
    "backwards": BASE[::-1],
    "broadcast": np.broadcast_to(BASE[0], (5, 6)),
    "fortran": np.asfortranarray(BASE),
    "scalar per frame": np.arange(3.0),
    "no frames": np.zeros((0, 7, 2)),
    "zero dimensions": np.float64(3.25),
    "readouts": np.array([1 / 3, np.nan, np.inf]),
    "big endian": BASE.astype(">f4"),
    "pictures": np.arange(6, dtype=np.uint8).reshape(1, 2, 3),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_come_back_as_they_were(name):
    back, message = unpack(pack({name: ARRAYS[name]}, {"status": "done"}))
    assert message == {"status": "done"}
    np.testing.assert_array_equal(back[name], ARRAYS[name])
    assert back[name].shape == np.shape(ARRAYS[name])


def test_types_are_the_four_that_the_player_reads():
    given = {"half": np.float16, "long": np.int64, "flag": np.bool_, "double": np.float64, "byte": np.uint8}
    back, _ = unpack(pack({name: np.ones(3, dtype) for name, dtype in given.items()}, {}))
    assert {name: str(a.dtype) for name, a in back.items()} == {
        "half": "float32",
        "long": "int32",
        "flag": "uint8",
        "double": "float64",
        "byte": "uint8",
    }


def test_text_is_refused():
    with pytest.raises(TypeError, match="floats, integers"):
        pack({"words": np.array(["a"])}, {})


@pytest.mark.parametrize("cut", [0, 4, 20, -1])
def test_a_truncated_blob_is_a_value_error(cut):
    whole = pack({"a": BASE}, {"status": "done"})
    with pytest.raises(ValueError, match="no recording"):
        unpack(whole[:cut])
