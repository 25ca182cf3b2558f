print_nothing = 'airflow without the other word'
