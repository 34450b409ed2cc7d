"""Pages, tables and pictures of what there is; nothing here trains."""
