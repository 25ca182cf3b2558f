from utils.dates import DAY
