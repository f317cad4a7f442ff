"""Where is looked: each kind of source gives the rows that are there, or fails as a whole."""
