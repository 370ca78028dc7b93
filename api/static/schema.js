// The API's documentation page. Requests tried out here carry the CSRF token of the session cookie.
"use strict";

const CSRF_COOKIE = "__Host-pitboss_csrf=";

function csrfToken() {
  const found = document.cookie.split("; ").find((part) => part.startsWith(CSRF_COOKIE));
  return found ? found.slice(CSRF_COOKIE.length) : null;
}

SwaggerUIBundle({
  url: "/schema/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    const token = csrfToken();
    if (token) {
      request.headers["X-CSRF-Token"] = token;
    }
    return request;
  },
});
