-- One sign-in per request, over users u0 … u99, keep-alive.
local count = 0
request = function()
  count = (count + 1) % 100
  local body = string.format('{"username":"u%d","password":"correct horse battery staple"}', count)
  return wrk.format("POST", "/auth/login", {["Content-Type"] = "application/json"}, body)
end
