#include "core/dashboard.h"
int dashboard_page(const char *json, size_t len, struct buf *out)
{
	buf_add(out, json, len);
	return buf_error(out);
}
int dashboard_script(const char *json, size_t len, struct buf *out)
{
	buf_add(out, json, len);
	return buf_error(out);
}
