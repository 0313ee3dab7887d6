"""Behind the pages of the orders: filters, pages of the list, the export, and what happened."""
