"""One module per function, each with one public function of the same name: gather, decide, apply."""
