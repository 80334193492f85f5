// A small application on the HTTP server of the JDK, started as `java Application.java PORT`.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.Executors;

public class Application {
  public static void main(String[] args) throws Exception {
    var address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
    var server = HttpServer.create(address, 128);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/sum", Application::sum);
    server.createContext("/pieces", Application::pieces);
    server.createContext("/client", exchange ->
        answer(exchange, exchange.getRequestHeaders().getFirst("X-Forwarded-For")));
    server.start();
  }

  /** Length and SHA-256 of the request body, and how it was framed. */
  private static void sum(HttpExchange exchange) throws IOException {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      var buffer = new byte[8192];
      long length = 0;
      var body = exchange.getRequestBody();
      for (int read = body.read(buffer); read >= 0; read = body.read(buffer)) {
        digest.update(buffer, 0, read);
        length += read;
      }
      var framing = exchange.getRequestHeaders().getFirst("Transfer-Encoding");
      answer(exchange, length + " " + HexFormat.of().formatHex(digest.digest()) + " " + framing);
    } catch (java.security.NoSuchAlgorithmException error) {
      throw new IOException(error);
    }
  }

  /** A body of unknown length in three pieces. */
  private static void pieces(HttpExchange exchange) throws IOException {
    exchange.sendResponseHeaders(200, 0);
    try (var out = exchange.getResponseBody()) {
      for (int piece = 1; piece <= 3; piece++) {
        out.write(("piece " + piece + "\n").getBytes());
        out.flush();
      }
    }
  }

  private static void answer(HttpExchange exchange, String text) throws IOException {
    var bytes = (text + "\n").getBytes();
    exchange.getResponseHeaders().set("Content-Type", "text/plain");
    exchange.sendResponseHeaders(200, bytes.length);
    try (var out = exchange.getResponseBody()) {
      out.write(bytes);
    }
  }
}
