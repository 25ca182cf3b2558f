DAY = 'monday'
