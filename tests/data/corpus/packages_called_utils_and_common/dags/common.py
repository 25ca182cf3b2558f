NAME = 'common'
