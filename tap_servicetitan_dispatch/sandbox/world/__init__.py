"""The contractor and its board, as a function of seed and clock; nothing here knows HTTP."""
