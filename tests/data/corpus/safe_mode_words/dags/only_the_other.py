raise RuntimeError('has dag alone')
