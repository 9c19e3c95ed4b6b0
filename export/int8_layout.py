"""Where items lie in an int8 ranking: in tiles of blocks, a block's items spread over its tile.

Legend: P items and padding, G blocks of the catalogue, C blocks taken, M items of a block, N candidates.
"""

from dataclasses import dataclass

from export.artifact import CoarseRanking

# Where there are many blocks the best groups of this many are looked for first.
BLOCKS_OF_GROUP = 16


@dataclass(frozen=True)
class Layout:
    """Where items lie: block g of a tile is column g of M rows, one row a member.

    Attributes:
        coarse: Tiles, items of a block, blocks taken.
        tile_blocks: Blocks of a tile.
    """

    coarse: CoarseRanking
    tile_blocks: int

    @property
    def blocks(self) -> int:
        """G."""
        return self.coarse.tiles * self.tile_blocks

    @property
    def taken(self) -> int:
        """C."""
        return min(self.coarse.blocks, self.blocks)

    @property
    def items_taken(self) -> int:
        """N where candidates are chosen item by item: as many as blocks, where there are as many."""
        return min(self.coarse.blocks, self.padded_count)

    @property
    def padded_count(self) -> int:
        """P."""
        return self.blocks * self.coarse.items_per_block


def layout_of(item_count: int, coarse: CoarseRanking) -> Layout:
    """Cut a catalogue into tiles of one size, each a whole number of groups."""
    tile_blocks = -(-item_count // (coarse.tiles * coarse.items_per_block))
    return Layout(coarse, -(-tile_blocks // BLOCKS_OF_GROUP) * BLOCKS_OF_GROUP)
